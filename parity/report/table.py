"""The table of results at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from parity.core.row import Row
from parity.report.terminal import style
from parity.results.matrix import rates


def render(rows: Sequence[Row]) -> Table:
    """A table row per result."""
    table = Table(box=None, pad_edge=False)
    for title in ("test", "arch", "verdict"):
        table.add_column(title, no_wrap=True)
    for title in ("guest s", "wall s"):
        table.add_column(title, justify="right")
    table.add_column("cause")
    for row in rows:
        shown = f"{row.verdict} (last: {row.last})" if row.last else row.verdict
        look = "yellow" if row.excused else "bold red" if row.surprise else style(row.verdict)
        verdict = Text(shown, look)
        table.add_row(Text(row.name), row.arch, verdict, _s(row.guest_s), _s(row.wall_s), Text(row.cause))
    return table


def summary(rows: Sequence[Row]) -> list[str]:
    """A line per architecture: pass rate over all names, other verdicts, surprises."""
    lines = []
    for rate in rates(rows):
        others = [
            f"{count} {verdict}" for verdict, count in sorted(rate.verdicts.items()) if verdict != "pass"
        ]
        surprises = [
            f"{row.name} (quarantined)" if row.excused else row.name
            for row in rows
            if row.arch == rate.arch and row.surprise
        ]
        line = f"{rate.arch}: {rate.passed} of {rate.total} pass ({rate.percent:.2f} %)"
        line += "".join(f", {other}" for other in others)
        good = "all that ran as expected" if "not_run" in rate.verdicts else "all as expected"
        lines.append(f"{line}; not as expected: {', '.join(surprises)}" if surprises else f"{line}; {good}")
    return lines


def _s(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
