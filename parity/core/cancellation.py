"""The end of a command before its time, as by Ctrl-C: asked for by the main thread, noticed in waits.

A signal raises no exception: one in the middle of a critical section leaves locks behind that are never
released. The main thread takes the signals (`tasks/__main__.py`) and asks here; what works, works in other
threads, waits so that it can be woken up, and raises KeyboardInterrupt by itself, in `check`. Signals concern
the whole process, so `CANCELLATION` is the library's one global.
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
    """Whether to end before the time, and what to wake up then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._wakers: list[Callable[[], None]] = []
        self._shields = 0

    @property
    def requested(self) -> bool:
        """Whether somebody has asked for the end."""
        return self._requested

    @property
    def shielded(self) -> bool:
        """Whether Ctrl-C is meant for a program in the foreground, not for us."""
        return self._shields > 0

    def request(self) -> None:
        """Asks for the end and wakes up what waits; from any thread, any number of times."""
        with self._lock:
            self._requested = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def check(self) -> None:
        """Raises KeyboardInterrupt once the end was asked for. Never called while cleaning up."""
        if self._requested:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def on_request(self, wake: Callable[[], None]) -> Iterator[None]:
        """Has `wake` called, in another thread, when the end is asked for while the block lasts.

        It ends a wait in the block, must not wait itself, and is harmless when it comes late.
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
        """While the block lasts, Ctrl-C is the business of a program in the foreground."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def each(self, make: Callable[[], Iterable[T]], doing: str, patience_s: float) -> Iterator[T]:
        """The items of what `make` gives, where a wait for one cannot be ended.

        They are made in a thread of its own, which is left behind when the end is asked for. Raises what that
        raises, and MachineError when for `patience_s` seconds nothing comes.
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
        """What a call that cannot be ended returns; raises as `each`."""
        (result,) = self.each(lambda: [call()], doing, patience_s)
        return result


CANCELLATION = Cancellation()
"""That of this process."""
