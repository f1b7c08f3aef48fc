"""Locks between processes. The kernel releases them when their process dies, however it does.

A wait for one ends with the command, or after `PATIENCE_S`: what holds a lock so long has deadlines itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from parity.core.cancellation import CANCELLATION
from parity.core.errors import MachineError

PATIENCE_S = 7200.0  # above every deadline of what is done under a lock, a build's too
POLL_S = 0.05


@contextlib.contextmanager
def held(file: Path) -> Iterator[None]:
    """Holds the lock of a file, made with its folder if need be, while the block lasts.

    Raises:
        MachineError: another process holds it for too long.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(file, poll_interval=POLL_S)
    try:
        lock.acquire(timeout=PATIENCE_S, cancel_check=lambda: CANCELLATION.requested)
    except filelock.Timeout:
        CANCELLATION.check()
        raise _too_long(str(file)) from None
    try:
        yield
    finally:
        lock.release()


def take(handle: int, kind: int, what: str) -> None:
    """Takes the lock of an open file, `fcntl.LOCK_SH` or `LOCK_EX`; closing the file gives it up.

    Raises:
        MachineError: another process holds it for too long; `what` names the file.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            CANCELLATION.check()
        if time.monotonic() > deadline:
            raise _too_long(what)
        time.sleep(POLL_S)


def _too_long(what: str) -> MachineError:
    return MachineError(
        f"another process holds {what} for more than {PATIENCE_S / 60:.0f} minutes",
        f"Which one: fuser {what}",
    )
