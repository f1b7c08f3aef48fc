"""Reports: the same rows in every format."""

from __future__ import annotations

import json as stdjson
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from parity.core.progress import Stage
from parity.core.row import Row
from parity.report import junit, markdown, table
from parity.results import results_json

PASS = Row(
    "fork_test", "aarch64", "process", "pass", "pass", None, "PID 1 ended with status 0", 0.1, 0.3, "a" * 64
)
HANG = Row(
    "dup_test", "aarch64", "file", "hang", "pass", None, "silent for 3 s | odd\x07", 1.0, 4.0, "a" * 64
)
MISSING = Row(
    "fifo_test", "aarch64", "pipe", "missing", "missing", "FIFOs are not there", "there is no program"
)
INFRA = Row("lseek_test", "aarch64", "file", "infra", "pass", None, "the emulator was killed", None, 1.0)
ROWS = [PASS, HANG, MISSING, INFRA]


def test_json_is_what_it_documents_and_comes_back(tmp_path: Path) -> None:
    text = results_json.render(
        ROWS, "reference", "2026-01-01T00:00:00+00:00", [Stage("userspace aarch64", 12.5)]
    )
    document = stdjson.loads(text)
    assert document["stages"] == [{"title": "userspace aarch64", "seconds": 12.5}]
    assert document["tests"][0]["guest_s"] == 0.1
    assert document["tests"][2]["wall_s"] is None
    file = tmp_path / "results.json"
    file.write_text(text, encoding="utf-8")
    assert results_json.parse(file) == ROWS
    file.write_text(text.replace('"name": ', '"since": 1, "name": '), encoding="utf-8")
    assert results_json.parse(file) == ROWS  # of a commit whose rows have one field more


def test_a_report_that_is_none_gives_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert results_json.parse(file) == []
    for text in ("", "{}", '{"format": 0, "tests": []}', '{"format": 1, "tests": [{"name": "a"}]}'):
        file.write_text(text, encoding="utf-8")
        assert results_json.parse(file) == []


def test_junit_tells_failure_error_and_skipped_apart() -> None:
    root = ElementTree.fromstring(junit.render(ROWS))
    suite = root.find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "aarch64",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    kinds = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert kinds == {
        "fork_test": [],
        "dup_test": ["failure"],
        "fifo_test": ["skipped"],
        "lseek_test": ["error"],
    }


def test_a_quarantined_surprise_is_shown_and_is_no_failure() -> None:
    row = replace(HANG, quarantine="quarantine until 2027-01-01, 7: why", excused=True)
    case = ElementTree.fromstring(junit.render([row])).find("testsuite/testcase")
    assert case is not None
    assert [(child.tag, child.get("message")) for child in case] == [("skipped", row.quarantine)]
    (cells,) = cells_of(markdown.table([row]))
    assert "quarantine until 2027-01-01" in cells["verdict"]
    (cells,) = cells_of(markdown.breakdown([row]))
    assert cells["status"] == "hang, quarantined"
    assert "dup_test (quarantined)" in table.summary([row])[0]
    expired = replace(row, excused=False)
    assert ElementTree.fromstring(junit.render([expired])).find("testsuite/testcase/failure") is not None


def cells_of(text: str) -> list[dict[str, str]]:
    """The rows of a Markdown table, each by the titles of its columns."""
    titles, _, *rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines()
    ]
    return [dict(zip(titles, row, strict=True)) for row in rows]


def test_markdown_keeps_all_names_in_the_denominator() -> None:
    (rate,) = cells_of(markdown.summary(ROWS))
    assert (rate["passed"], rate["of"]) == ("1", "4")
    shown = {cells["test"]: cells for cells in cells_of(markdown.table(ROWS))}
    assert shown.keys() == {row.name for row in ROWS}
    assert shown["dup_test"]["cause"] == HANG.cause.replace("|", "\\|")


def test_failures_are_grouped_by_cause_the_urgent_first() -> None:
    other = replace(HANG, name="cat_test", cause="silent for 4 s | odd\x07")
    urgent = replace(MISSING, name="pty_test", reason="tty", priority=2)
    groups = cells_of(markdown.breakdown([MISSING, HANG, other, urgent]))
    assert [(cells["names"], cells["priority"], cells["status"]) for cells in groups] == [
        ("pty_test", "2", "missing, as expected"),
        ("dup_test, cat_test", "", "hang, surprise"),
        ("fifo_test", "", "missing, as expected"),
    ]


def test_the_table_shows_a_line_per_row_and_the_summary_counts_all() -> None:
    console = Console(record=True, width=120, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table.render([*ROWS, replace(PASS, name="cat_test", verdict="not_run", last="hang")]))
    text = console.export_text()
    console.file.close()
    assert all(row.name in text for row in ROWS)
    console.file.close()
    (line,) = table.summary(ROWS)
    counts, _, surprises = line.partition("; not as expected: ")
    assert surprises.split(", ") == ["dup_test", "lseek_test"]
    assert {"1 of 4 pass (25.00 %)", "1 hang", "1 infra", "1 missing"} == set(
        counts.removeprefix("aarch64: ").split(", ")
    )
    unseen = replace(PASS, name="cat_test", verdict="not_run")
    good, some = (table.summary(rows)[0].rpartition("; ")[2] for rows in ([PASS], [PASS, unseen]))
    assert good != some, "what did not run is not said to be as expected"
