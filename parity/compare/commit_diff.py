"""Compares the results of two commits: `here` is this checkout, `there` the other commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from parity.compare.arch_diff import UNKNOWN_VERDICTS
from parity.core.row import Row
from parity.judge.verdict import Verdict


class Kind(StrEnum):
    """The kind of a change."""

    REGRESSION = "regression"  # passes there, but not here
    FIX = "fix"  # passes here, but not there
    CHANGED = "changed"  # passes on neither, with different verdicts
    NEW = "new"  # exists only here
    GONE = "gone"  # exists only there


class Other(StrEnum):
    """Whether the verdict also changed on another architecture."""

    CHANGED = "changed too"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Move:
    """A changed verdict of a test on an architecture. `others`: the other architectures."""

    test: str
    arch: str
    kind: Kind
    there: str | None
    here: str | None
    others: Mapping[str, Other]

    @property
    def worse(self) -> bool:
        """Whether the test passed there and does not pass here."""
        return self.there == Verdict.PASS


Verdicts = Mapping[tuple[str, str], str]
"""Verdict by architecture and test."""


def verdicts(rows: Sequence[Row]) -> Verdicts:
    """What is known: rows that say nothing about the kernel are left out."""
    return {(row.arch, row.name): row.verdict for row in rows if row.verdict not in UNKNOWN_VERDICTS}


def compared(there: Sequence[Row], here: Sequence[Row]) -> list[str]:
    """The architectures that both sides know something of; no other is compared."""
    known = [{arch for arch, _ in verdicts(rows)} for rows in (there, here)]
    return [arch for arch in _archs(there, here) if all(arch in archs for archs in known)]


def same(there: Sequence[Row], here: Sequence[Row]) -> int:
    """How many verdicts are on both sides, and equal."""
    return len(verdicts(there).items() & verdicts(here).items())


def moves(there: Sequence[Row], here: Sequence[Row]) -> list[Move]:
    """The changed verdicts, in the order of the rows."""
    old, new = verdicts(there), verdicts(here)
    unknown = {(row.arch, row.name) for row in there} - old.keys()
    unknown |= {(row.arch, row.name) for row in here} - new.keys()
    archs, found = compared(there, here), []
    for name in dict.fromkeys(row.name for row in (*here, *there)):
        for arch in archs:
            before, after = old.get((arch, name)), new.get((arch, name))
            if (arch, name) in unknown or not (kind := _kind(before, after)):
                continue
            others = {
                other: _other(old, new, (other, name)) for other in _archs(there, here) if other != arch
            }
            found.append(Move(name, arch, kind, before, after, others))
    return found


def _archs(there: Sequence[Row], here: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.arch for row in (*here, *there)))


def _kind(there: str | None, here: str | None) -> Kind | None:
    if there == here:
        return None
    if there is None:
        return Kind.NEW
    if here is None:
        return Kind.GONE
    if there == Verdict.PASS:
        return Kind.REGRESSION
    return Kind.FIX if here == Verdict.PASS else Kind.CHANGED


def _other(old: Verdicts, new: Verdicts, key: tuple[str, str]) -> Other:
    if key not in old or key not in new:
        return Other.UNKNOWN
    return Other.UNCHANGED if old[key] == new[key] else Other.CHANGED
