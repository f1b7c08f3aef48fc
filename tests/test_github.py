"""Annotations: few, escaped, the newest regressions first."""

from __future__ import annotations

import re
from dataclasses import replace

from parity.core.row import Row
from parity.report import github
from parity.spec.baseline import Changes

PASS = Row("fork_test", "aarch64", "process", "pass", "pass", None, "PID 1 ended", when="2026-01-01T00:00:00")


def test_a_regression_comes_before_an_older_surprise_and_a_newer_one() -> None:
    old = replace(PASS, name="old", verdict="hang", when="2026-01-02T00:00:00")
    new = replace(PASS, name="new", verdict="hang", when="2026-01-03T00:00:00")
    newest = replace(PASS, name="newest", verdict="fail", when="2026-01-04T00:00:00")
    lines = github.annotate([PASS, old, newest, new], Changes(regressions=(old, new)))
    assert [line.split("=")[1].split()[0] for line in lines] == ["new", "old", "newest"]


def test_what_is_quarantined_comes_last_as_a_warning() -> None:
    excused = replace(
        PASS, name="old", verdict="hang", quarantine="quarantine until 2027-01-01, 7: why", excused=True
    )
    other = replace(PASS, name="new", verdict="hang", quarantine="quarantine expired on 2026-01-01, 7: why")
    first, last = github.annotate([excused, other], Changes(regressions=(excused,)))
    assert first.startswith("::error title=new") and first.endswith(
        "; quarantine expired on 2026-01-01, 7: why"
    )
    assert last.startswith("::warning title=old")


def test_there_are_ten_at_most() -> None:
    rows = [replace(PASS, name=f"t{number}", verdict="hang") for number in range(12)]
    assert len(github.annotate(rows, Changes())) == 10


def test_what_a_guest_said_cannot_forge_a_command() -> None:
    row = replace(PASS, name="a,b", verdict="fail", cause="50%\n::error::forged", log="x.log")
    (line,) = github.annotate([row], Changes())
    assert len(line.splitlines()) == 1
    command, title, text = re.fullmatch("::([a-z]+) title=([^:,]+)::(.*)", line).groups()  # type: ignore[union-attr]
    assert command == "error"
    assert title.startswith("a%2Cb on aarch64%3A")
    assert text.startswith("50%25%0A::error::forged;")
