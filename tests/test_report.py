"""Reports: the same rows in every format."""

from __future__ import annotations

import json as stdjson
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from parity.matrix import Row
from parity.report import json, junit, markdown, table
from parity.report.terminal import Stage

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
    text = json.render(ROWS, "reference", "2026-01-01T00:00:00+00:00", [Stage("userspace aarch64", 12.5)])
    document = stdjson.loads(text)
    assert document["stages"] == [{"title": "userspace aarch64", "seconds": 12.5}]
    assert document["tests"][0]["guest_s"] == 0.1
    assert document["tests"][2]["wall_s"] is None
    file = tmp_path / "results.json"
    file.write_text(text, encoding="utf-8")
    assert json.parse(file) == ROWS
    file.write_text(text.replace('"name": ', '"since": 1, "name": '), encoding="utf-8")
    assert json.parse(file) == ROWS  # of a commit whose rows have one field more


def test_a_report_that_is_none_gives_no_rows(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    assert json.parse(file) == []
    for text in ("", "{}", '{"format": 0, "tests": []}', '{"format": 1, "tests": [{"name": "a"}]}'):
        file.write_text(text, encoding="utf-8")
        assert json.parse(file) == []


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
    assert "| **hang** (expected pass) (quarantine until 2027-01-01, 7: why) |" in markdown.table([row])
    assert "| hang, quarantined | dup_test |" in markdown.breakdown([row])
    assert table.summary([row])[0].endswith("not as expected: dup_test (quarantined)")
    expired = replace(row, excused=False)
    assert ElementTree.fromstring(junit.render([expired])).find("testsuite/testcase/failure") is not None


def test_markdown_keeps_all_names_in_the_denominator() -> None:
    text = markdown.render(ROWS)
    assert "| aarch64 | 1 | 4 | 25.00 % | 1 hang, 1 infra, 1 missing |" in text
    assert (
        "| dup_test | aarch64 | **hang** (expected pass) | 1.000 | 4.000 | silent for 3 s \\| odd\x07 |"
        in text
    )
    assert "| aarch64 | FIFOs are not there | 1 |  | missing, as expected | fifo_test |" in text


def test_failures_are_grouped_by_cause_the_urgent_first() -> None:
    other = replace(HANG, name="cat_test", cause="silent for 4 s | odd\x07")
    text = markdown.breakdown(
        [MISSING, HANG, other, replace(MISSING, name="pty_test", reason="tty", priority=2)]
    )
    lines = text.splitlines()[2:]
    assert lines[0] == "| aarch64 | tty | 1 | 2 | missing, as expected | pty_test |"
    assert lines[1] == "| aarch64 | silent for n s \\| odd\x07 | 2 |  | hang, surprise | dup_test, cat_test |"


def test_the_table_shows_a_line_per_row_and_the_summary_counts_all() -> None:
    console = Console(record=True, width=120, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table.render([*ROWS, replace(PASS, name="cat_test", verdict="not_run", last="hang")]))
    text = console.export_text()
    console.file.close()
    assert all(row.name in text for row in ROWS)
    assert "not_run (last: hang)" in text
    (line,) = table.summary(ROWS)
    assert line == (
        "aarch64: 1 of 4 pass (25.00 %), 1 hang, 1 infra, 1 missing; not as expected: dup_test, lseek_test"
    )
    assert table.summary([PASS])[0].endswith("; all as expected")
    unseen = replace(PASS, name="cat_test", verdict="not_run")
    assert table.summary([PASS, unseen])[0].endswith("1 not_run; all that ran as expected")
