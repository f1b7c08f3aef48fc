"""A row of a report: the result of one test on one architecture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """The result of one test on one architecture. Times are seconds; None if no guest has run."""

    name: str
    arch: str
    area: str
    verdict: str
    expected: str
    reason: str | None  # why a verdict other than pass is expected
    cause: str  # the judge's sentence
    guest_s: float | None = None  # from the kernel's hello to its shutdown record
    wall_s: float | None = None  # from the emulator's start to its reaping
    kernel: str | None = None  # SHA-256 of the ELF
    disk: str | None = None  # SHA-256 of the image
    emulator: str | None = None
    host: str | None = None  # class of the host that ran it
    log: str | None = None  # path from the checkout's root
    when: str | None = None  # UTC, ISO 8601
    features: str | None = None  # the kernel's feature set
    priority: int | None = None  # of the reason; 1 is the most urgent
    last: str | None = None  # for a test that did not run with the current inputs: its last verdict
    failure_kind: str | None = None  # of a guest that hung or died (parity.autopsy.diagnosis)
    sentence: str | None = None  # the autopsy's
    failure_signature: str | None = None  # equal for guests with the same failure
    quarantine: str | None = None  # the sentence about its quarantine, if it has one
    excused: bool = False  # the quarantine is valid: a surprise does not fail the command

    @property
    def surprise(self) -> bool:
        """Whether the verdict differs from the expected one, for better or worse; False if it did not run."""
        return self.verdict not in (self.expected, "not_run")

    @property
    def gates(self) -> bool:
        """Whether the row makes the command end with status 1: a surprise without a valid quarantine."""
        return self.surprise and not self.excused
