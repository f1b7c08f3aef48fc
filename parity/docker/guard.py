"""Ends a container that exceeds its time or another limit."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from parity.core.errors import MachineError, ParityError
from parity.docker.attached import Attached

WATCH_S = 1.0  # between two calls of a Watch
Watch = Callable[[Attached], ParityError | None]
"""Checks a running container. If it returns an error, the container is ended and the error is raised."""


class Guard:
    """Ends a container at its deadline or when `watch` returns an error; `error` is the error to raise."""

    def __init__(self, attached: Attached, what: str, timeout_s: float, watch: Watch | None) -> None:
        self.error: ParityError | None = None
        self.last = ""  # the last line of its output
        self._attached, self._what, self._timeout_s, self._watch = attached, what, timeout_s, watch
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True, name="container-guard").start()

    def end(self) -> None:
        """Stops the checks."""
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
