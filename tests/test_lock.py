"""Locks between processes: waits for them end."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from parity.core import lock
from parity.core.cancellation import Cancellation
from parity.core.errors import MachineError


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A file whose lock another holder has."""
    file = tmp_path / "folder" / "lock"
    file.parent.mkdir()
    handle = os.open(file, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield file
    os.close(handle)


def by_name(file: Path) -> None:
    with lock.held(file):
        pass


def by_handle(file: Path) -> None:
    handle = os.open(file, os.O_RDWR)
    try:
        lock.take(handle, fcntl.LOCK_SH, str(file))
    finally:
        os.close(handle)


WAYS = pytest.mark.parametrize("wait", [by_name, by_handle])


@WAYS
def test_a_wait_for_a_lock_ends_with_the_command(
    wait: Callable[[Path], None], held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancellation = Cancellation()
    monkeypatch.setattr(lock, "CANCELLATION", cancellation)
    threading.Timer(0.1, cancellation.request).start()
    with pytest.raises(KeyboardInterrupt):
        wait(held)


@WAYS
def test_a_lock_that_is_never_given_up_is_named(
    wait: Callable[[Path], None], held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.1)
    with pytest.raises(MachineError, match=r"another process holds .*/folder/lock"):
        wait(held)


@WAYS
def test_a_lock_that_is_free_is_taken(wait: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    wait(tmp_path / "lock")
    wait(tmp_path / "lock")
