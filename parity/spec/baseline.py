"""The baseline: the committed verdicts with which every run is compared, in both directions.

A sorted text file with one line per test: architecture, test and verdict, separated by spaces; `#` starts a
comment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity.core import yamlfile
from parity.core.errors import UserError
from parity.core.row import Row
from parity.core.yamlfile import nearest
from parity.judge.verdict import Verdict

HEADER = "# Verdicts that every run is held against; written by `doit baseline`.\n"
INCONCLUSIVE = frozenset({Verdict.NOT_RUN, Verdict.INFRA})  # verdicts that say nothing about the kernel


@dataclass(frozen=True)
class Changes:
    """The differences from the baseline. Rows that did not run are not included."""

    regressions: tuple[Row, ...] = ()  # passed before, does not pass now
    fixes: tuple[Row, ...] = ()  # did not pass before, passes now
    changed: tuple[Row, ...] = ()  # passes neither before nor now, with different verdicts
    new: tuple[Row, ...] = ()  # not in the baseline

    def __bool__(self) -> bool:
        return any((self.regressions, self.fixes, self.changed, self.new))

    def lines(self) -> Iterator[str]:
        """A line per kind of change, with its tests and their verdicts."""
        for kind in ("regressions", "fixes", "changed", "new"):
            rows = getattr(self, kind)
            if rows:
                yield f"{kind}: " + ", ".join(f"{row.name} on {row.arch} ({row.verdict})" for row in rows)


Baseline = Mapping[tuple[str, str], Verdict]
"""Verdict by architecture and test."""


def load(path: Path, tests: Collection[str], archs: Collection[str]) -> Baseline | None:
    """Reads a baseline of these tests and architectures; None if there is no file.

    Raises:
        UserError: with file and line, for a malformed line, an unknown name, or a duplicate.
    """
    if not path.exists():
        return None
    lines = yamlfile.read_text(path).split("\n")
    found: dict[tuple[str, str], Verdict] = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 3:
            raise UserError("architecture, test and verdict expected", file=path, line=number)
        arch, test, verdict = words
        verdicts = [str(each) for each in Verdict]
        for what, word, known in (
            ("architecture", arch, archs),
            ("test", test, tests),
            ("verdict", verdict, verdicts),
        ):
            if word not in known:
                raise UserError(f"no {what} {word!r}; {nearest(word, known)}", file=path, line=number)
        if (arch, test) in found:
            raise UserError(f"{test} on {arch} occurs twice", file=path, line=number)
        found[arch, test] = Verdict(verdict)
    return found


def render(rows: Sequence[Row], before: Baseline | None) -> str:
    """The text of the baseline with the verdicts of these rows; other tests keep their lines."""
    seen = {(row.arch, row.name): row.verdict for row in rows if row.verdict not in INCONCLUSIVE}
    lines = [f"{arch} {name} {verdict}\n" for (arch, name), verdict in {**(before or {}), **seen}.items()]
    return HEADER + "".join(sorted(lines))


def compare(baseline: Baseline, rows: Sequence[Row]) -> Changes:
    """The differences of these rows from the baseline."""
    kinds: dict[str, list[Row]] = {"regressions": [], "fixes": [], "changed": [], "new": []}
    for row in rows:
        kind = _kind(baseline.get((row.arch, row.name)), row.verdict)
        if kind is not None:
            kinds[kind].append(row)
    return Changes(**{kind: tuple(found) for kind, found in kinds.items()})


def _kind(before: Verdict | None, now: str) -> str | None:
    if now in INCONCLUSIVE or now == before:
        return None
    if before is None:
        return "new"
    if before is Verdict.PASS:
        return "regressions"
    return "fixes" if now == Verdict.PASS else "changed"
