"""The progress of a command, which the stages report. `report/terminal` shows it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from parity.core.row import Row


@dataclass(frozen=True)
class Stage:
    """A stage that succeeded, and its duration."""

    title: str
    seconds: float


@dataclass(frozen=True)
class LaneUse:
    """The use of lanes. `span_s`: seconds from the first ready lane to the last verdict.

    `wall_s`: seconds from the emulator's start to its reaping, summed over all guests.
    """

    guests: int
    lanes: int
    span_s: float
    wall_s: float

    @property
    def ideal_s(self) -> float:
        """Seconds that the same guests would take if no lane ever waited."""
        return self.wall_s / self.lanes


class TestProgress(Protocol):
    """A run of tests; each test ends with a row."""

    def finished(self, row: Row) -> None: ...


class Progress(Protocol):
    """Receives progress: ``note`` prints a lasting line, ``say`` one that the next line replaces."""

    def note(self, text: str, look: str = "") -> None: ...

    def say(self, text: str) -> None: ...

    def stage(self, title: str, *, result: str = "done") -> AbstractContextManager[None]: ...

    def tests(self, total: int) -> AbstractContextManager[TestProgress]: ...

    def used(self, use: LaneUse) -> None: ...
