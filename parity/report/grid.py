"""A table of text, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from parity.report.markdown import cell


@dataclass(frozen=True)
class Grid:
    """Titles (with a trailing space: align the column right), and rows with a style for the terminal."""

    titles: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]

    def terminal(self) -> Table:
        """The table for a terminal."""
        table = Table(box=None, pad_edge=False)
        for title in self.titles:
            table.add_column(title.strip(), justify="right" if title.endswith(" ") else "left")
        for look, cells in self.rows:
            table.add_row(*(Text(text, look) for text in cells))
        return table

    def markdown(self) -> str:
        """The table as Markdown."""
        marks = ("---:" if title.endswith(" ") else "---" for title in self.titles)
        lines = [[title.strip() for title in self.titles], marks]
        lines += [[cell(text) for text in cells] for _, cells in self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)
