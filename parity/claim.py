"""What running commands use of the store, so that `doit gc` spares that, and removes the rest under them.

tmp/PID-…/claims   of one command: the digests that it uses, one a line; the folder is locked while it lives
locks/store.lock   held shared while a blob is claimed and looked at, alone while blobs are removed
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

from parity import host, lock
from parity.errors import MachineError

NAME = "claims"


class Claims:
    """What this command uses of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: int | None = None
        self._mutex = threading.Lock()

    @contextlib.contextmanager
    def claimed(self, digest: str) -> Iterator[None]:
        """From now on and until this process ends nobody removes the blob, if it is there.

        While the block lasts nobody removes anything.

        Raises:
            MachineError: it cannot be noted.
        """
        with _lock(self._root, fcntl.LOCK_SH):
            try:
                os.write(self._opened(), f"{digest}\n".encode())
            except OSError as error:
                raise MachineError(f"the store {self._root} cannot be written: {error.strerror}") from None
            yield

    def _opened(self) -> int:
        with self._mutex:
            if self._file is None:
                ends = contextlib.ExitStack()
                folder = ends.enter_context(host.scratch(self._root))
                weakref.finalize(
                    self, ends.close
                )  # at the latest when the interpreter ends; else it is swept
                self._file = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
                ends.callback(os.close, self._file)
            return self._file


@contextlib.contextmanager
def removing(root: Path) -> Iterator[frozenset[str]]:
    """The digests that living commands have claimed; until the block ends nobody looks at a blob."""
    with _lock(root, fcntl.LOCK_EX):
        yield frozenset(
            digest for file in (root / "tmp").glob(f"*/{NAME}") for digest in _of_the_living(file)
        )


def _of_the_living(file: Path) -> list[str]:
    try:
        if host.abandoned(file.parent):
            return []
        return file.read_text(encoding="utf-8").split()
    except FileNotFoundError:  # its command has just ended
        return []


@contextlib.contextmanager
def _lock(root: Path, kind: int) -> Iterator[None]:
    (root / "locks").mkdir(parents=True, exist_ok=True)
    handle = os.open(root / "locks" / "store.lock", os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        lock.take(handle, kind, str(root / "locks" / "store.lock"))
        yield
    finally:
        os.close(handle)
