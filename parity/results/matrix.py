"""Rows: one per test and architecture known to a checkout, from what was seen and what is expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from parity.judge.verdict import Verdict
from parity.results.evidence import Evidence
from parity.spec.suite import Test


@dataclass(frozen=True)
class Row:
    """One test on one architecture. Times are seconds, None where no guest has run."""

    name: str
    arch: str
    area: str
    verdict: str
    expected: str
    reason: str | None  # why something other than pass is expected
    cause: str  # the judge's sentence
    guest_s: float | None = None  # the kernel's hello to its shutdown
    wall_s: float | None = None  # the emulator's start to its being reaped
    kernel: str | None = None  # SHA-256 of the ELF
    disk: str | None = None  # SHA-256 of the image
    emulator: str | None = None
    host: str | None = None  # class of the machine that ran it
    log: str | None = None  # path from the checkout's root
    when: str | None = None  # UTC, ISO 8601
    features: str | None = None  # the kernel's feature set
    priority: int | None = None  # of the reason; 1 is the most urgent
    last: str | None = None  # of a row that has not run under today's digests: its verdict before
    word: str | None = None  # of a guest that hung or died: what was the matter (parity.autopsy.diagnose)
    sentence: str | None = None
    ailment: str | None = None  # the same for guests that are ill of the same
    quarantine: str | None = None  # what is said of its quarantine, if it has one
    excused: bool = False  # by that quarantine: a surprise does not gate

    @property
    def surprise(self) -> bool:
        """Whether the verdict is not the expected one, in either direction; what did not run cannot be."""
        return self.verdict not in (self.expected, "not_run")

    @property
    def gates(self) -> bool:
        """Whether it makes the command end with 1: a surprise that nothing excuses."""
        return self.surprise and not self.excused


@dataclass(frozen=True)
class Rate:
    """Passes of all names of an architecture; a name without a program stays in the denominator."""

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
    """The rows of `new`, which remember the verdicts of `old`, and those of architectures not in `new`."""
    before = {(row.arch, row.name): row.last or row.verdict for row in old}
    spoken_of = {row.arch for row in new}
    rows = [
        replace(row, last=before.get((row.arch, row.name))) if row.verdict == Verdict.NOT_RUN else row
        for row in new
    ]
    return [*rows, *(row for row in old if row.arch not in spoken_of)]


def row(
    test: Test, arch: str, features: str, evidence: Evidence | None, *, built: bool, log: str | None
) -> Row:
    """The row of a test: what was seen, or why nothing was. `built`: there is a program of that name."""
    today, quarantine = datetime.now(UTC).date(), test.quarantine.get(arch)
    unseen = Row(
        name=test.name,
        arch=arch,
        area=test.area,
        verdict=str(Verdict.NOT_RUN if built else Verdict.MISSING),
        expected=str(test.expected[arch]),
        reason=test.reason,
        cause="nothing is known under today's digests" if built else "there is no program of that name",
        features=features,
        priority=test.priority,
        quarantine=quarantine.sentence(today) if quarantine else None,
        excused=quarantine is not None and not quarantine.expired(today),
    )
    if evidence is None:
        return unseen
    return replace(
        unseen,
        verdict=evidence.verdict,
        cause=evidence.cause,
        guest_s=evidence.guest_s,
        wall_s=evidence.wall_s,
        kernel=evidence.kernel,
        disk=evidence.disk,
        emulator=evidence.emulator,
        host=evidence.host,
        log=log,
        when=evidence.when,
        word=evidence.word,
        sentence=evidence.sentence,
        ailment=evidence.ailment,
    )
