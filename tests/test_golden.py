"""The wording of every report format: one set of rows and results against one golden file per format.

After a change of the wording, write the files anew and read the difference before you commit it:

    REWRITE_GOLDEN=1 pytest tests/test_golden.py; git diff tests/data/golden
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from golden import FAIL, HANG, PASS, QUARANTINED, ROWS
from rich.console import Console

from parity.autopsy import document
from parity.core.progress import LaneUse, Stage
from parity.guest.guest import judge_recording
from parity.report import github, junit, log, markdown, table, terminal
from parity.report.terminal import Screen
from parity.results import results_json
from parity.spec.baseline import Changes

DATA = Path(__file__).parent / "data"
REWRITE = "REWRITE_GOLDEN"
CHANGES = Changes(regressions=(FAIL, HANG), fixes=(PASS,), new=(QUARANTINED,))


def on_terminal(text: io.StringIO) -> Console:
    return Console(file=text, width=160, highlight=False, soft_wrap=True)


def terminal_lines() -> str:
    """A command's output in a pipe, in which every stage takes no time."""
    text = io.StringIO()
    screen = Screen(on_terminal(text))
    with screen.stage("kernel aarch64-testing"):
        pass
    with pytest.raises(OSError), screen.stage("disk aarch64"):
        raise OSError
    ran = [row for row in ROWS if row.wall_s is not None]
    with screen.tests(len(ran)) as view:
        for row in ran:
            view.finished(row)
    screen.used(LaneUse(guests=24, lanes=2, span_s=6.2, wall_s=10.0))
    return text.getvalue()


def table_lines() -> str:
    text = io.StringIO()
    on_terminal(text).print(table.render(ROWS))
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join([*lines, *table.summary(ROWS)]) + "\n"


def log_of_a_guest() -> str:
    """A recorded guest, with an autopsy recorded of another."""
    run = judge_recording(DATA / "guests" / "hang-asleep.jsonl")
    found = document.parse((DATA / "autopsies" / "deadlock--deadlock_of_two.aarch64.json").read_bytes())
    assert found is not None
    few = replace(found.findings, events=found.findings.events[:3])
    return log.render(run, "fork_test on aarch64", replace(found, findings=few))


FORMATS: dict[str, Callable[[], str]] = {
    "terminal": terminal_lines,
    "table": table_lines,
    "markdown": lambda: markdown.render(ROWS, CHANGES, inside=[PASS]),
    "junit": lambda: junit.render(ROWS),
    "github": lambda: "\n".join(github.annotate(ROWS, CHANGES)) + "\n",
    "log": log_of_a_guest,
    "json": lambda: results_json.render(
        ROWS, "reference", "2026-01-04T00:00:00+00:00", [Stage("userspace aarch64", 12.5)]
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_what_its_golden_file_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "monotonic", lambda: 0.0)
    file, text = DATA / "golden" / f"{name}.txt", FORMATS[name]()
    if os.environ.get(REWRITE):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), (
        f"{REWRITE}=1 pytest {Path(__file__).name} writes it anew"
    )


def test_every_golden_file_has_its_format() -> None:
    assert {file.stem for file in (DATA / "golden").iterdir()} == set(FORMATS)
