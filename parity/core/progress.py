"""Progress of a command: what the stages report while they work. `report/terminal` shows it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from parity.core.row import Row


@dataclass(frozen=True)
class Stage:
    """A stage that ended well, and how long it took."""

    title: str
    seconds: float


@dataclass(frozen=True)
class LaneUse:
    """How well lanes were used: `span_s` from the first lane being ready to the last verdict.

    `wall_s` is the sum over all guests, each from its emulator's start to its being reaped.
    """

    guests: int
    lanes: int
    span_s: float
    wall_s: float

    @property
    def ideal_s(self) -> float:
        """What the same guests would take if no lane ever waited."""
        return self.wall_s / self.lanes


class TestProgress(Protocol):
    """A run of tests, of which each ends with a row."""

    def finished(self, row: Row) -> None: ...


class Progress(Protocol):
    """Takes progress: ``note`` prints a line that stays, ``say`` one that the next one replaces."""

    def note(self, text: str, look: str = "") -> None: ...

    def say(self, text: str) -> None: ...

    def stage(self, title: str, *, result: str = "done") -> AbstractContextManager[None]: ...

    def tests(self, total: int) -> AbstractContextManager[TestProgress]: ...

    def used(self, use: LaneUse) -> None: ...
