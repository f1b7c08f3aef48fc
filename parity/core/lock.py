"""Locks between processes. The host kernel releases a lock when its process dies.

A wait for a lock ends when the command is cancelled, or after `PATIENCE_S`.
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

PATIENCE_S = 7200.0  # longer than every deadline of work under a lock, such as a build
POLL_S = 0.05


@contextlib.contextmanager
def held(file: Path) -> Iterator[None]:
    """Holds the lock of a file during the block; makes the file and its folder if necessary.

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
    """Takes the lock of an open file, `fcntl.LOCK_SH` or `LOCK_EX`; closing the file releases it.

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
