"""A row: what is known of one test on one architecture, as reports show it."""

from __future__ import annotations

from dataclasses import dataclass


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
    failure_kind: str | None = (
        None  # of a guest that hung or died: what was the matter (parity.autopsy.diagnose)
    )
    sentence: str | None = None
    failure_signature: str | None = None  # the same for guests that failed alike
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
