"""The comparison of architectures, for a terminal and as Markdown: tests, matrix, environments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from parity.compare import arch_diff
from parity.compare.arch_diff import Pair, State
from parity.compare.coverage import Dimension
from parity.compare.machine_diff import Field
from parity.compare.parity_document import ParityReport
from parity.report.grid import Grid
from parity.spec.decision import ruling_out

LOOKS = {State.DIFFERS: "yellow", State.UNKNOWN: "dim", State.EQUAL: ""}
UNKNOWN, NONE = "unknown", "–"


def render(report: ParityReport, source: str, notes: Sequence[str]) -> str:
    """The complete report as Markdown; `source`: origin of the document's figures; `notes`: differences."""
    parts = ["# Parity", f"Architectures: {', '.join(report.archs)}."]
    parts += ["## Matrix", matrix(report).markdown(), f"Document: {source}."]
    parts += ["## Tests", tests(report).markdown(), *summary(report)]
    parts += ["## Environments", environment(report).markdown(), *equal(report)]
    if report.decisions:
        parts += ["## Decisions", "\n".join(f"- {decision}" for decision in report.decisions)]
    if notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def tests(report: ParityReport) -> Grid:
    """A row per test that has a program on at least one architecture."""
    titles = ["test", *report.archs, *(f"{arch} guest s " for arch in report.archs), "ratio ", ""]
    rows = []
    for pair in report.pairs:
        if not _missing(pair):
            seconds = (f"{row.guest_s:.3f}" if row and row.guest_s else "" for row in pair.rows.values())
            ratio = "" if pair.ratio is None else f"{pair.ratio:.2f}"
            rows.append(
                (
                    LOOKS[pair.state],
                    [pair.name, *map(_verdict, pair.values.values()), *seconds, ratio, pair.state],
                )
            )
    return Grid(titles, rows)


def summary(report: ParityReport) -> list[str]:
    """Sentences about the tests: how many are equal, what passes on one architecture only."""
    count = {state: sum(pair.state is state for pair in report.pairs) for state in State}
    missing = sum(map(_missing, report.pairs))
    sentences = [
        f"Of {len(report.pairs)} tests, {count[State.EQUAL]} are equal ({missing} of them have no program), "
        f"{count[State.DIFFERS]} differ, {count[State.UNKNOWN]} are unknown."
    ]
    for arch, names in arch_diff.one_sided(report.pairs).items():
        sentences.append(f"Passes on {arch}, but not on all architectures: {', '.join(names)}.")
    unknown = [arch for arch in report.archs if all(pair.values[arch] is None for pair in report.pairs)]
    sentences += [f"There is no result for {arch}." for arch in unknown]
    return sentences


def matrix(report: ParityReport) -> Grid:
    """A row per dimension: the document's figures, and the counted ones."""
    archs = report.archs
    titles = ["dimension", *(f"document: {arch} " for arch in archs), "document: parity "]
    titles += [*(f"{arch} " for arch in archs), "parity ", "lacking"]
    return Grid(titles, [(LOOKS[row.state], list(_dimension(report, row))) for row in report.dimensions])


def environment(report: ParityReport) -> Grid:
    """A row per field that is not equal on all architectures; equal fields of a group share a row."""
    rows = [
        (LOOKS[fields[0].state], [_named(fields), *_values(fields[0]), str(fields[0].state)])
        for fields in _alike(report)
        if fields[0].state is not State.EQUAL
    ]
    return Grid(["environment", *report.archs, ""], rows)


def equal(report: ParityReport) -> list[str]:
    """A sentence about the fields that are equal on all architectures."""
    words = [
        f"{_named(fields)} ({_values(fields[0])[0]})"
        for fields in _alike(report)
        if fields[0].state is State.EQUAL
    ]
    return [f"Equal: {', '.join(words)}."] if words else []


def _alike(report: ParityReport) -> list[list[Field]]:
    found: dict[tuple[str, ...], list[Field]] = {}
    for field in report.fields:
        found.setdefault((field.group or field.name, *_values(field)), []).append(field)
    return list(found.values())


def _named(fields: Sequence[Field]) -> str:
    first = fields[0]
    if not first.group:
        return first.name
    return f"{first.group}: {first.name if len(fields) == 1 else f'{len(fields)} tests'}"


def _values(field: Field) -> list[str]:
    return [UNKNOWN if value is None else "".join(value) or NONE for value in field.values.values()]


def _dimension(report: ParityReport, row: Dimension) -> Iterator[str]:
    yield row.figures.name
    yield from (row.figures.archs.get(arch, "") for arch in report.archs)
    yield row.figures.parity
    for names in row.found.values():
        if names is None:
            yield UNKNOWN
        elif row.of is None:
            yield str(len(names))
        else:
            yield f"{len(names)} of {row.of} ({100 * len(names) / row.of:.2f} %)"
    yield UNKNOWN if row.state is State.UNKNOWN else NONE if row.percent is None else f"{row.percent:.1f} %"
    yield "; ".join(
        f"{arch}: {', '.join(_lacking(report, name, arch) for name in names)}"
        for arch, names in row.lacking.items()
    )


def _lacking(report: ParityReport, name: str, arch: str) -> str:
    ruled_out = ruling_out(report.decisions, name, arch)
    return f"{name} ({ruled_out.id})" if ruled_out else name


def _missing(pair: Pair) -> bool:
    return all(value == ("missing",) for value in pair.values.values())


def _verdict(value: arch_diff.Value | None) -> str:
    return UNKNOWN if value is None else value[0]
