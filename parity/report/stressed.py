"""The table of a stress test: many runs of one guest."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from parity.report.terminal import style
from parity.run.stress import Run


def render(runs: Sequence[Run]) -> Table:
    """A row per guest; `doit kthread_replay:<id>` takes its `id`."""
    table = Table(box=None, pad_edge=False)
    for title in ("id", "arch", "seed", "verdict"):
        table.add_column(title, no_wrap=True)
    for title in ("guest s", "wall s"):
        table.add_column(title, justify="right")
    table.add_column("cause")
    table.add_column("log", no_wrap=True)
    for run in runs:
        guest = "" if run.guest_s is None else f"{run.guest_s:.3f}"
        verdict = Text(run.verdict, style(run.verdict))
        row = (run.id, run.arch, str(run.seed), verdict, guest, f"{run.wall_s:.3f}")
        table.add_row(*row, Text(run.cause), Text(run.log))
    return table
