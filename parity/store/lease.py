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

from parity.core import host, lock
from parity.core.errors import MachineError
from parity.store import files

NAME = "claims"


class Claims:
    """What this command uses of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: int | None = None
        self._mutex = threading.Lock()

    @contextlib.contextmanager
    def claimed(self, digest: str) -> Iterator[None]:
        """Leases a blob, if it is there, until this process ends: eviction does not remove it.

        While the block lasts, eviction removes no blob at all.

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
    """The digests that running commands lease; until the block ends no command can lease another.

    Raises:
        MachineError: the store is not as it should be.
    """
    files.check(root)
    with _lock(root, fcntl.LOCK_EX):
        yield frozenset(
            digest for file in (root / "tmp").glob(f"*/{NAME}") for digest in _of_the_living(file)
        )


def _of_the_living(file: Path) -> list[str]:
    try:
        if host.abandoned(file.parent):
            return []
        return files.read(file).decode(errors="replace").split()
    except (
        FileNotFoundError,
        NotADirectoryError,
        files.OddFileError,
    ):  # its command has just ended, or is none
        return []


@contextlib.contextmanager
def _lock(root: Path, kind: int) -> Iterator[None]:
    place = root / "locks" / "store.lock"
    try:
        host.make_open(place.parent)
        handle = files.descriptor(place, os.O_RDONLY | os.O_CREAT)
    except OSError as error:
        hint = f"Remove it: rm -r {place}"
        raise MachineError(f"the store's lock {place} cannot be opened: {error.strerror}", hint) from None
    try:
        lock.take(handle, kind, str(place))
        yield
    finally:
        os.close(handle)
