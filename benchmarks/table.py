"""Formats records as the printed table and as the committed README."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from benchmarks.figure import Figure, Record

HEADINGS = ("figure", "median", "least – greatest", "aim", "rounds", "medians of its arms")
HEAD = """\
# Figures

Made by `doit bench` (`doit bench:NAME` for one, `rounds=N` for more or fewer repetitions), which writes this
file and `results/`, where every single measurement stands. The arms of a ratio are measured in turn, round by
round, on the same machine; a figure is its median over the rounds, and shows how far they lay apart. No test
asserts any of them. Seconds, unless it says otherwise.
"""


def render(records: Sequence[Record]) -> Table:
    """A line per figure, for a terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in ("benchmark", *HEADINGS):
        table.add_column(heading, no_wrap=heading in ("benchmark", "median", "aim", "least – greatest"))
    for record in records:
        for figure in record.figures:
            name, median, *rest = cells(figure)
            look = "" if figure.aim is None else "green" if figure.aim.met(figure.median) else "bold red"
            table.add_row(record.bench, Text(name), Text(median, look), *map(Text, rest))
    return table


def notes(records: Sequence[Record]) -> list[str]:
    """The notes of the figures."""
    return [
        f"{record.bench}: {note}" for record in records for figure in record.figures for note in figure.notes
    ]


def readme(records: Sequence[Record]) -> str:
    """`benchmarks/README.md`."""
    return "\n".join((HEAD, *(line for record in records for line in _section(record))))


def _section(record: Record) -> Iterator[str]:
    yield f"## {record.bench}\n"
    yield f"{record.what}\n"
    yield f"| {' | '.join(HEADINGS)} |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for figure in record.figures:
        yield f"| {' | '.join(cells(figure))} |"
    yield ""
    for note in (note for figure in record.figures for note in figure.notes):
        yield f"- {note}"
    yield f"- {record.when[:10]}, {record.host}, revision {record.revision or 'unknown'}"
    yield f"- load {record.load:.1f} when it began; took {record.seconds:.0f} s\n"


def cells(figure: Figure) -> list[str]:
    """The cells of a figure's line, for HEADINGS."""
    values, unit = figure.values, figure.unit
    arms = {name: statistics.median(seconds) for name, seconds in figure.arms.items()}
    aim = (
        "" if figure.aim is None else f"{figure.aim}, {'met' if figure.aim.met(figure.median) else 'missed'}"
    )
    return [
        figure.name,
        f"{number(figure.median)} {unit}".rstrip(),
        f"{number(min(values))} – {number(max(values))}",
        aim,
        str(len(values)),
        ", ".join(f"{name} {number(median)}" for name, median in arms.items()),
    ]


def number(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:#.3g}"
