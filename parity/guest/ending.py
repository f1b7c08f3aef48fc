"""The end of a guest, from its machine's shutdown to its emulator's exit: what is to be sent, and once.

Runs inside a lane with supervisor.py, so it stands alone: standard library only. It sends nothing itself.

    RUNNING   the machine may run
    ENDED     the guest has ended its machine, which is paused; while it is held, the client looks at it
    LEAVING   the emulator was sent `quit`, or leaves for a reason of its own
    OVERDUE   it did not leave within LEAVE_S and was sent SIGKILL

One `quit` is enough. QEMU's main loop reports SHUTDOWN, pauses the machine and only then executes the next
command, so none is lost in between; a second one reaches an emulator that already takes itself apart, and may
crash it.
"""

from enum import Enum, auto
from typing import Literal

LEAVE_S = 10.0  # from `quit` to the emulator's exit, which else takes milliseconds


class Phase(Enum):
    """How far a guest has come."""

    RUNNING = auto()
    ENDED = auto()
    LEAVING = auto()
    OVERDUE = auto()


class Ending:
    """One guest's way to its end. Times are seconds, by the supervisor's monotonic clock."""

    def __init__(self, *, held: bool) -> None:
        self.phase, self.held = Phase.RUNNING, held
        self._kill_at = float("inf")

    def shut_down(self, now: float, *, by_guest: bool) -> None:
        """The emulator reports that the machine has shut down. Not `by_guest`: it leaves by itself."""
        if not by_guest:
            self.leave(now)
        elif self.phase is Phase.RUNNING:
            self.phase = Phase.ENDED

    def leave(self, now: float) -> None:
        """The emulator leaves from now on, whatever made it."""
        if self.phase in (Phase.RUNNING, Phase.ENDED):
            self.phase, self._kill_at = Phase.LEAVING, now + LEAVE_S

    def due(self, now: float) -> Literal["quit", "kill"] | None:
        """What is to be done to the emulator now; it counts as done, and is not said again."""
        if self.phase is Phase.ENDED and not self.held:
            self.leave(now)
            return "quit"
        if self.phase is Phase.LEAVING and now >= self._kill_at:
            self.phase = Phase.OVERDUE
            return "kill"
        return None
