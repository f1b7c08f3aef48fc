"""Where the minutes go on a fresh machine: `python -m benchmarks.fresh LOG`.

LOG is what `time ./doit test_<architecture>` printed there, in a pipe, bash's own last lines included.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import keep
from benchmarks.figure import Aim, Figure
from benchmarks.output import Output
from parity.core.errors import UserError

WHAT = (
    "A fresh machine, with Docker and Python and nothing of ours: from `./doit test_<architecture>` to "
    "its table, in minutes per stage. Stages under a tenth of a minute are summed up; `the rest` is "
    "what no stage claims."
)
TOTAL = re.compile(r"real\s+(?P<minutes>\d+)m(?P<seconds>[\d.]+)s")
AIM = Aim(8)  # on two cores
SMALL_MIN = 0.1


def figures(lines: Sequence[str]) -> list[Figure]:
    """Minutes of every stage, in order, and of the whole.

    Raises:
        UserError: the log does not say how long the command took, or shows no stage.
    """
    totals = [match for line in lines if (match := TOTAL.fullmatch(line.strip()))]
    output = Output(lines, 0.0)
    minutes = [(stage.title, stage.seconds / 60) for stage in output.made]
    minutes += [(f"{use.guests} guests", use.span_s / 60) for use in output.uses]
    if not totals or not minutes:
        raise UserError(
            "this is not the log of `time ./doit test_<architecture>`: no `real …m…s`, or no stage"
        )
    total = int(totals[-1]["minutes"]) + float(totals[-1]["seconds"]) / 60
    shown = [(title, value) for title, value in minutes if value >= SMALL_MIN]
    small = sum(value for _, value in minutes if value < SMALL_MIN)
    rest = total - sum(value for _, value in minutes)
    parts = [*shown, ("stages under a tenth of a minute", small), ("the rest", rest)]
    return [Figure("all", "min", [total], AIM), *(Figure(title, "min", [value]) for title, value in parts)]


def main(arguments: Sequence[str]) -> int:
    """Prints and keeps the minutes of a log; 0, or 3 when it is none."""
    try:
        lines = Path(arguments[0]).read_text(encoding="utf-8", errors="replace").splitlines()
        record = keep.measured(Path.cwd(), "fresh", WHAT, lambda: figures(lines))
    except (UserError, OSError, IndexError) as error:
        print(error if arguments else "usage: python -m benchmarks.fresh LOG", file=sys.stderr)
        return 3
    for figure in record.figures:
        print(f"{figure.median:6.2f} min  {figure.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
