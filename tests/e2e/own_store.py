"""The store and the checkout of one session of end-to-end tests, which all its worker processes share.

They lie in one folder below `tmp/` of the user's store, on the file system of its blobs. A blob there is a
hard link to the user's: the same file, read-only, which Parity never writes in place. A test that damages a
blob replaces the file (writes another and renames it), or puts the content into a new store first. Records of
actions are links as well. Crates and records of tool images are copies, since cargo writes into its folder.
Evidence is not taken over: what guests showed the user, flakes too, is neither read nor written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from checkout import Checkout

from parity.core import lock

# Actions first: what they name is there when the blobs are linked.
WHOLE = "whole"  # a file beside both, once they are
LINKED, COPIED = ("actions", "blobs"), ("cargo", "images")


@contextlib.contextmanager
def opened(users: Path, session: str) -> Iterator[Checkout]:
    """The checkout of a session, and its store, seeded from the store `users`.

    The first process makes them; the last one removes them, or after a kill the next command on `users`, for
    which their folder is a scratch folder like any other.
    """
    folder, turn = users / "tmp" / f"e2e-{session}", users / "locks" / "e2e.lock"
    with lock.held(turn):
        handle = _entered(folder)
        here = Checkout(folder / "checkout", folder / "store")
        if not (folder / WHOLE).exists():
            seed(users, here.cache)
            Checkout.copy(here.folder, here.cache)
            (folder / WHOLE).touch()
    try:
        yield here
    finally:
        with lock.held(turn):
            with contextlib.suppress(BlockingIOError):  # raised while another process is in it
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            os.close(handle)


def _entered(folder: Path) -> int:
    """Makes the folder if need be, and locks it against removal; the open file that holds the lock."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # a sweep took it for abandoned before it was locked
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            lock.take(handle, fcntl.LOCK_SH, str(folder))
            if folder.is_dir():
                return handle
            os.close(handle)


def seed(users: Path, store: Path) -> None:
    """Fills a new store with what the user's has made and fetched."""
    for names, take in ((LINKED, _link), (COPIED, _copy)):
        for name in names:
            if (users / name).is_dir():
                shutil.copytree(users / name, store / name, symlinks=True, copy_function=take)
    store.mkdir(exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        pass  # removed meanwhile
    except OSError:  # another user's file
        _copy(source, target)


def _copy(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.copy2(source, target)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Size in bytes and time of the last write, in nanoseconds, of every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}
