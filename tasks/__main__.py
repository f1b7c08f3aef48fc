"""The doit process: `python -m tasks`, which ./doit and .venv/bin/doit run.

The main thread only handles signals and waits for the worker thread, so it can always react. The first signal
requests cancellation (`parity/core/cancellation.py`), the second changes nothing, and the third ends the
process at once, as does a timeout `GRACE_S` after the first. Containers and tools then end with the process;
the next command removes the scratch folders.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import NoReturn

from parity.core.cancellation import CANCELLATION
from tasks import outlet

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_S = 60.0  # time to end all work: a lane and its removal by Docker take at most 12 s
SAY_S = 1.0  # deadline for printing one line
PATIENCE = 3  # this signal ends the process at once
DONE = 0  # in the pipe of signals: the worker thread has ended


class Process:
    """The signals and the worker thread of this process."""

    def __init__(self) -> None:
        """Handles the signals in ENDING, except those that are ignored (nohup), and unblocks them."""
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        self._status = 2
        self._taken: list[int] = []  # signals

    def run(self, work: Callable[[], int]) -> int:
        """Runs `work`, which must not raise; returns its exit status, or 128 + the first signal's number."""
        thread = threading.Thread(target=self._work, args=(work,), daemon=True, name="work")
        thread.start()
        deadline = None
        while (number := self._next(deadline)) != DONE:
            if number is None:
                self._end_now(f"the command did not end within {GRACE_S:g} s after the signal", stacks=True)
            if number == signal.SIGINT and CANCELLATION.shielded:
                continue
            self._taken.append(number)
            deadline = deadline or time.monotonic() + GRACE_S
            CANCELLATION.request()
            if len(self._taken) >= PATIENCE:
                self._end_now("ended at once")
        if self._taken:
            _say("interrupted")
            return self._interrupted
        return self._status

    @property
    def _interrupted(self) -> int:
        return 128 + self._taken[0]

    def _work(self, work: Callable[[], int]) -> None:
        try:
            self._status = work()
        finally:
            os.write(self._writer, bytes([DONE]))

    def _next(self, deadline: float | None) -> int | None:
        """The next signal, or DONE; None after the deadline."""
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([self._reader], [], [], left)
        return os.read(self._reader, 1)[0] if ready else None

    def _end_now(self, why: str, *, stacks: bool = False) -> NoReturn:
        _say(f"interrupted: {why}")
        if stacks:
            faulthandler.dump_traceback(file=2, all_threads=True)
        os._exit(self._interrupted)


def _say(text: str) -> None:
    """Prints a line to standard error, from a separate thread, because the write may block."""
    thread = threading.Thread(target=outlet.say, args=(text,), daemon=True)
    thread.start()
    thread.join(SAY_S)


def work() -> int:
    """Runs doit on the command line; prints errors and returns the exit status."""
    try:
        from tasks import ends
    except ImportError as error:
        outlet.say(
            f"error: the environment {sys.prefix} is incomplete ({error}); remove it: ./doit makes it again"
        )
        return 2
    return ends.guarded(lambda: ends.Main().run(sys.argv[1:]))


def main() -> int:
    """Runs the command; returns its exit status."""
    outlet.open_both()
    status = Process().run(work)
    # Only the interpreter's short shutdown remains; a signal may end it at once.
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    return outlet.close(status)


if __name__ == "__main__":
    sys.exit(main())
