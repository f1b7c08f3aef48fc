"""The end of a guest, from its machine's shutdown to its emulator's exit, as a state machine.

It runs inside a lane with supervisor.py, so it uses only the standard library. It sends nothing itself.

    RUNNING   the machine may run
    ENDED     the guest has ended its machine, which is paused; while it is held, the client examines it
    LEAVING   the emulator was sent `quit`, or exits for another reason
    OVERDUE   it did not exit within LEAVE_S and was sent SIGKILL

One `quit` is enough: QEMU's main loop reports SHUTDOWN, pauses the machine, and then executes the next
command. A second `quit` may crash an emulator that is already exiting.
"""

from enum import Enum, auto
from typing import Literal

LEAVE_S = 10.0  # deadline from `quit` to the emulator's exit, which usually takes milliseconds


class Phase(Enum):
    """A phase of a guest's end."""

    RUNNING = auto()
    ENDED = auto()
    LEAVING = auto()
    OVERDUE = auto()


class Ending:
    """The end of one guest. Times are seconds, by the supervisor's monotonic clock."""

    def __init__(self, *, held: bool) -> None:
        self.phase, self.held = Phase.RUNNING, held
        self._kill_at = float("inf")

    def shut_down(self, now: float, *, by_guest: bool) -> None:
        """The emulator reports a shutdown of the machine. Not `by_guest`: the emulator exits by itself."""
        if not by_guest:
            self.leave(now)
        elif self.phase is Phase.RUNNING:
            self.phase = Phase.ENDED

    def leave(self, now: float) -> None:
        """The emulator starts to exit."""
        if self.phase in (Phase.RUNNING, Phase.ENDED):
            self.phase, self._kill_at = Phase.LEAVING, now + LEAVE_S

    def due(self, now: float) -> Literal["quit", "kill"] | None:
        """The action that the caller must take now. Each action is returned once."""
        if self.phase is Phase.ENDED and not self.held:
            self.leave(now)
            return "quit"
        if self.phase is Phase.LEAVING and now >= self._kill_at:
            self.phase = Phase.OVERDUE
            return "kill"
        return None
