"""Cancellation of a command, as by Ctrl-C: the main thread requests it, waiting threads notice it.

A signal raises no exception, because an exception in a critical section could leave a lock taken. The main
thread takes the signals (`tasks/__main__.py`) and calls `request`. All work is done in other threads; their
waits can be woken up, and they raise KeyboardInterrupt in `check`. Signals concern the whole process, so
`CANCELLATION` is the library's only global variable.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from parity.core.errors import MachineError

T = TypeVar("T")


class Cancellation:
    """Whether the command is cancelled, and the waits that a cancellation must wake up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._wakers: list[Callable[[], None]] = []
        self._shields = 0

    @property
    def requested(self) -> bool:
        """Whether cancellation was requested."""
        return self._requested

    @property
    def shielded(self) -> bool:
        """Whether Ctrl-C is meant for a program in the foreground, not for this command."""
        return self._shields > 0

    def request(self) -> None:
        """Requests cancellation and wakes up all waits. May be called from any thread, and repeatedly."""
        with self._lock:
            self._requested = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def check(self) -> None:
        """Raises KeyboardInterrupt if cancellation was requested. Do not call it during cleanup."""
        if self._requested:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def on_request(self, wake: Callable[[], None]) -> Iterator[None]:
        """Calls `wake`, in another thread, if cancellation is requested during the block.

        `wake` ends a wait in the block. It must not block, and a late call must do no harm.
        """

        def waker() -> None:
            wake()

        with self._lock:
            self._wakers.append(waker)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._wakers.remove(waker)

    @contextlib.contextmanager
    def shield(self) -> Iterator[None]:
        """During the block, only a program in the foreground reacts to Ctrl-C."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def each(self, make: Callable[[], Iterable[T]], doing: str, patience_s: float) -> Iterator[T]:
        """The items of `make()`, for an iterable whose waits cannot be interrupted.

        A separate thread iterates; a cancellation leaves it behind. Raises what `make` raises, and
        MachineError if no item comes for `patience_s` seconds. `doing` names the work in that message.
        """
        items: queue.SimpleQueue[tuple[str, T | BaseException | None]] = queue.SimpleQueue()

        def work() -> None:
            try:
                for item in make():
                    items.put(("item", item))
                items.put(("end", None))
            except BaseException as error:
                items.put(("error", error))

        with self.on_request(lambda: items.put(("end", None))):
            threading.Thread(target=work, daemon=True, name=doing).start()
            while True:
                try:
                    kind, item = items.get(timeout=patience_s)
                except queue.Empty:
                    raise MachineError(f"cannot {doing}: nothing happened for {patience_s:g} s") from None
                self.check()
                if isinstance(item, BaseException):
                    raise item
                if kind == "end":
                    return
                yield item  # type: ignore[misc]  # of kind "item", it is a T

    def result(self, call: Callable[[], T], doing: str, patience_s: float) -> T:
        """The result of a call that cannot be interrupted. Raises as `each`."""
        (result,) = self.each(lambda: [call()], doing, patience_s)
        return result


CANCELLATION = Cancellation()
"""The cancellation of this process."""
