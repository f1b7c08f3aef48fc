"""Compares architectures: each value is equal, different or unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from parity.core.row import Row
from parity.judge.verdict import Verdict

UNKNOWN_VERDICTS = frozenset({Verdict.NOT_RUN, Verdict.INFRA})  # say nothing about the kernel

Value = tuple[str, ...]
"""The compared value of one architecture."""


class State(StrEnum):
    """The result of a comparison."""

    EQUAL = "equal"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


def state(values: Mapping[str, Value | None]) -> State:
    """Compares values by architecture. With an unknown value (None), the result is unknown."""
    if len(values) < 2 or None in values.values():
        return State.UNKNOWN
    return State.EQUAL if len(set(values.values())) == 1 else State.DIFFERS


@dataclass(frozen=True)
class Pair:
    """One test on all architectures, in their order; None if it has no row."""

    name: str
    rows: Mapping[str, Row | None]

    @property
    def values(self) -> dict[str, Value | None]:
        """The verdicts."""
        return {arch: _verdict(row) for arch, row in self.rows.items()}

    @property
    def state(self) -> State:
        """Whether the verdicts are equal."""
        return state(self.values)

    @property
    def ratio(self) -> float | None:
        """Guest time of the last architecture divided by that of the first; None unless both passed."""
        first, last = (list(self.rows.values())[end] for end in (0, -1))
        if len(self.rows) < 2 or first is None or last is None:
            return None
        if not (first.verdict == last.verdict == Verdict.PASS and first.guest_s and last.guest_s):
            return None
        return last.guest_s / first.guest_s


def pairs(rows: Sequence[Row], archs: Sequence[str]) -> list[Pair]:
    """All tests that have a row, in the order of the rows."""
    by_test: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_test.setdefault(row.name, {})[row.arch] = row
    return [Pair(name, {arch: found.get(arch) for arch in archs}) for name, found in by_test.items()]


def one_sided(found: Sequence[Pair]) -> dict[str, list[str]]:
    """By architecture: the tests that pass there and do not pass on another one."""
    sided: dict[str, list[str]] = {}
    for pair in found:
        if pair.state is State.DIFFERS:
            for arch, row in pair.rows.items():
                names = sided.setdefault(arch, [])
                if row is not None and row.verdict == Verdict.PASS:
                    names.append(pair.name)
    return {arch: names for arch, names in sided.items() if names}


def _verdict(row: Row | None) -> Value | None:
    return None if row is None or row.verdict in UNKNOWN_VERDICTS else (row.verdict,)
