"""Parts of a file that tasks write."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.report import marked

MARKS = [f"{marked.begin(task)}\n\n{{}}\n\n{marked.END}\n" for task in ("one", "two")]
TEXT = f"a\n\n{MARKS[0].format('old')}\nb\n\n{MARKS[1].format('kept')}"


def test_only_what_is_between_a_tasks_marks_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "README.md"
    place.write_text(TEXT)
    marked.write(place, "one", ["new", "newer"])
    assert place.read_text() == TEXT.replace("old", "new\n\nnewer")
    marked.write(place, "one", ["old"])
    assert place.read_text() == TEXT


def test_marks_that_are_missing_are_said(tmp_path: Path) -> None:
    place = tmp_path / "README.md"
    place.write_text(TEXT)
    with pytest.raises(UserError, match=r"made by `doit three`.* are missing"):
        marked.write(place, "three", ["x"])
    assert place.read_text() == TEXT
