"""Ends a container that runs too long, or uses too much."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from parity.core.errors import MachineError, ParityError
from parity.docker.attached import Attached

WATCH_S = 1.0  # between two looks at a container that is watched
Watch = Callable[[Attached], ParityError | None]
"""Looks at a container that runs. The error that it returns ends the container, and is raised."""


class Guard:
    """Ends a container at its deadline, or when `watch` finds a reason to, and keeps the error to raise."""

    def __init__(self, attached: Attached, what: str, timeout_s: float, watch: Watch | None) -> None:
        self.error: ParityError | None = None
        self.last = ""  # line of its output
        self._attached, self._what, self._timeout_s, self._watch = attached, what, timeout_s, watch
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="container-guard").start()

    def end(self) -> None:
        """The container is no longer of interest."""
        self._ended.set()

    def _run(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._ended.wait(min(WATCH_S if self._watch else math.inf, deadline - time.monotonic())):
            if time.monotonic() >= deadline:
                message = f"{self._what} did not end within {self._timeout_s:g} s"
                self.error = MachineError(message, self.last or None)
            else:
                self.error = self._watch(self._attached) if self._watch else None
            if self.error:
                self._attached.hang_up()
                return
