"""Leases: running commands list the blobs that they use, and `doit gc` does not remove these.

tmp/PID-…/claims   the digests that one command uses, one per line; the running command locks the folder
locks/store.lock   locked shared while a command leases and checks a blob, exclusively while blobs are removed
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
    """The leases of this command on blobs of a store."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file: int | None = None
        self._mutex = threading.Lock()

    @contextlib.contextmanager
    def claimed(self, digest: str) -> Iterator[None]:
        """Leases a blob until this process ends: eviction does not remove it. The blob may be missing.

        Until the block ends, eviction removes no blob at all.

        Raises:
            MachineError: the lease cannot be written.
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
                )  # at interpreter exit at the latest; after a kill, `host.sweep` removes the folder
                self._file = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
                ends.callback(os.close, self._file)
            return self._file


@contextlib.contextmanager
def removing(root: Path) -> Iterator[frozenset[str]]:
    """The digests that running commands lease; until the block ends, no command can lease a blob.

    Raises:
        MachineError: a folder of the store is not usable.
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
    ):  # the command has just ended, or this is not a folder of a command
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
