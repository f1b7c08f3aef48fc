"""The matrix of results: a row per test and architecture, from the evidence and the expected verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.results.evidence import Evidence
from parity.spec.suite import Test

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class Rate:
    """The passes of an architecture; the total includes the tests without a program."""

    arch: str
    passed: int
    total: int
    verdicts: dict[str, int]

    @property
    def percent(self) -> float:
        """0 to 100."""
        return 100.0 * self.passed / self.total


def rates(rows: Sequence[Row]) -> list[Rate]:
    """The pass rate of every architecture, in the rows' order."""
    result = []
    for arch in dict.fromkeys(row.arch for row in rows):
        verdicts = Counter(row.verdict for row in rows if row.arch == arch)
        result.append(Rate(arch, verdicts["pass"], verdicts.total(), dict(verdicts)))
    return result


def merged(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The rows of `new`, and the rows of `old` of the other architectures.

    A row whose test did not run gets the last verdict from `old`.
    """
    before = {(row.arch, row.name): row.last or row.verdict for row in old}
    archs = {row.arch for row in new}
    rows = [
        replace(row, last=before.get((row.arch, row.name))) if row.verdict == Verdict.NOT_RUN else row
        for row in new
    ]
    return [*rows, *(row for row in old if row.arch not in archs)]


def row(
    test: Test, arch: str, features: str, evidence: Evidence | None, *, built: bool, log: str | None
) -> Row:
    """The row of a test, with its evidence, or with the reason why there is none.

    `built`: the test has a program. `log`: its readable log, a path from the checkout's root.
    """
    today, quarantine = datetime.now(UTC).date(), test.quarantine.get(arch)
    unseen = Row(
        name=test.name,
        arch=arch,
        area=test.area,
        verdict=str(Verdict.NOT_RUN if built else Verdict.MISSING),
        expected=str(test.expected[arch]),
        reason=test.reason,
        cause="no cached result for the current inputs" if built else "there is no program of that name",
        features=features,
        priority=test.priority,
        quarantine=quarantine.sentence(today) if quarantine else None,
        excused=quarantine is not None and not quarantine.expired(today),
    )
    return replace(unseen, log=log, **shared(evidence, Row)) if evidence else unseen


def shared(evidence: Evidence, kind: type[DataclassInstance]) -> dict[str, Any]:
    """The fields of evidence that `kind` has under the same names, such as a row's verdict and cause."""
    names = {each.name for each in fields(kind)}
    return {each.name: getattr(evidence, each.name) for each in fields(evidence) if each.name in names}
