"""Architectures side by side, for a terminal and as Markdown: tests, the counted matrix, the environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from parity import sides
from parity.census import Dimension
from parity.environment import Field
from parity.report.markdown import cell
from parity.sides import Pair, State
from parity.standing import Standing

LOOKS = {State.DIFFERS: "yellow", State.UNKNOWN: "dim", State.EQUAL: ""}
UNKNOWN, NONE = "unknown", "–"


@dataclass(frozen=True)
class Grid:
    """A table: titles (one with a trailing space is of numbers), and rows of text with their state."""

    titles: Sequence[str]
    rows: Sequence[tuple[State, Sequence[str]]]


def terminal(grid: Grid) -> Table:
    """For a terminal."""
    table = Table(box=None, pad_edge=False)
    for title in grid.titles:
        table.add_column(title.strip(), justify="right" if title.endswith(" ") else "left")
    for state, cells in grid.rows:
        table.add_row(*(Text(text, LOOKS[state]) for text in cells))
    return table


def markdown(grid: Grid) -> str:
    """For a Markdown file."""
    lines = [
        "| " + " | ".join(title.strip() for title in grid.titles) + " |",
        "| " + " | ".join("---:" if title.endswith(" ") else "---" for title in grid.titles) + " |",
    ]
    lines += ["| " + " | ".join(cell(text) for text in cells) + " |" for _, cells in grid.rows]
    return "\n".join(lines)


def render(standing: Standing, notes: Sequence[str]) -> str:
    """The whole report as Markdown; `notes` come last: decisions, quarantine."""
    parts = ["# Parity", f"Architectures: {', '.join(standing.archs)}."]
    parts += ["## Matrix", markdown(matrix(standing))]
    parts += ["## Tests", markdown(tests(standing)), *summary(standing)]
    parts += ["## Environments", markdown(environment(standing)), *equal(standing)]
    if notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def tests(standing: Standing) -> Grid:
    """A row per test that any architecture has a program of."""
    titles = ["test", *standing.archs, *(f"{arch} guest s " for arch in standing.archs), "ratio ", ""]
    rows = []
    for pair in standing.pairs:
        if not _missing(pair):
            seconds = (f"{row.guest_s:.3f}" if row and row.guest_s else "" for row in pair.rows.values())
            ratio = "" if pair.ratio is None else f"{pair.ratio:.2f}"
            rows.append(
                (pair.state, [pair.name, *map(_verdict, pair.values.values()), *seconds, ratio, pair.state])
            )
    return Grid(titles, rows)


def summary(standing: Standing) -> list[str]:
    """Sentences about the tests: how many are equal, what passes on one architecture only."""
    count = {state: sum(pair.state is state for pair in standing.pairs) for state in State}
    missing = sum(map(_missing, standing.pairs))
    sentences = [
        f"Of {len(standing.pairs)} tests {count[State.EQUAL]} end alike ({missing} of them have no program), "
        f"{count[State.DIFFERS]} differ, {count[State.UNKNOWN]} are unknown."
    ]
    for arch, names in sides.one_sided(standing.pairs).items():
        sentences.append(f"Passes on {arch} and not everywhere: {', '.join(names)}.")
    unknown = [arch for arch in standing.archs if all(pair.values[arch] is None for pair in standing.pairs)]
    sentences += [f"Of {arch} there is no result at all." for arch in unknown]
    return sentences


def matrix(standing: Standing) -> Grid:
    """A row per dimension: the document's figures, and what was counted."""
    archs = standing.archs
    titles = ["dimension", *(f"document: {arch} " for arch in archs), "document: parity "]
    titles += [*(f"{arch} " for arch in archs), "parity ", "lacking"]
    return Grid(titles, [(row.state, list(_dimension(row, archs))) for row in standing.dimensions])


def environment(standing: Standing) -> Grid:
    """A row per field that is not equal everywhere."""
    rows = [
        (field.state, [_name(field), *map(_value, field.values.values()), field.state])
        for field in standing.fields
        if field.state is not State.EQUAL
    ]
    return Grid(["environment", *standing.archs, ""], rows)


def equal(standing: Standing) -> list[str]:
    """Sentences about the fields that are equal everywhere; a group is one of them."""
    groups: dict[str, list[Field]] = {}
    for field in standing.fields:
        if field.state is State.EQUAL:
            groups.setdefault(field.group or field.name, []).append(field)
    words = []
    for name, fields in groups.items():
        values = dict.fromkeys(_value(next(iter(field.values.values()))) for field in fields)
        of = f" of {len(fields)} tests" if fields[0].group else ""
        words.append(f"{name}{of} ({' or '.join(values)})")
    return [f"Equal: {', '.join(words)}."] if words else []


def _dimension(row: Dimension, archs: Sequence[str]) -> Iterator[str]:
    yield row.figures.name
    yield from (row.figures.archs.get(arch, "") for arch in archs)
    yield row.figures.parity
    for names in row.found.values():
        if names is None:
            yield UNKNOWN
        elif row.of is None:
            yield str(len(names))
        else:
            yield f"{len(names)} of {row.of} ({100 * len(names) / row.of:.2f} %)"
    yield UNKNOWN if row.state is State.UNKNOWN else NONE if row.percent is None else f"{row.percent:.1f} %"
    yield "; ".join(f"{arch}: {', '.join(names)}" for arch, names in row.lacking.items())


def _missing(pair: Pair) -> bool:
    return all(value == ("missing",) for value in pair.values.values())


def _verdict(value: sides.Value | None) -> str:
    return UNKNOWN if value is None else value[0]


def _value(value: sides.Value | None) -> str:
    return UNKNOWN if value is None else "".join(value) or NONE


def _name(field: Field) -> str:
    return f"{field.group}: {field.name}" if field.group else field.name
