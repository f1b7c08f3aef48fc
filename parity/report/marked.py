"""Writes generated parts of a Markdown file, between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parity.core.errors import UserError

END = "<!-- end of what is made -->"


def begin(task: str) -> str:
    """The mark before the part that a task writes."""
    return f"<!-- made by `doit {task}` -->"


def write(place: Path, task: str, parts: Sequence[str]) -> None:
    """Writes `parts` (paragraphs of Markdown) between the task's marks.

    Raises:
        UserError: the file does not have the marks.
    """
    text, mark = place.read_text(encoding="utf-8"), begin(task)
    before, found, rest = text.partition(mark)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise UserError(f"the marks {mark} and {END} are missing", file=place)
    place.write_text("\n\n".join([before + mark, *parts, END + after]), encoding="utf-8")
