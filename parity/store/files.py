"""Safe access to files and folders of the store, where other programs can also write.

Parity opens only regular files there. So it never waits at a FIFO or a device, and never reads, writes or
removes anything through a link. It sets modes explicitly, because a umask can take permissions away.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from parity.core.errors import MachineError

PARTS = ("blobs", "actions", "evidence", "images", "locks", "tmp")
SHELVED = PARTS[:3]  # these have a subfolder for each first two digits of a name
FOLDER, FILE = 0o755, 0o644
MOST = 2**26  # the most bytes of a record, or of all evidence under one key
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OddFileError(OSError):
    """The path is not a regular file, or the file is too large."""


def descriptor(place: Path, flags: int = os.O_RDONLY) -> int:
    """Opens a regular file. If `flags` has O_CREAT, the file is created with mode FILE.

    Raises:
        OddFileError: it is not a regular file.
        OSError: it cannot be opened.
    """
    try:
        _regular(place, os.lstat(place))  # checked first: opening a device can already have effects
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    handle = os.open(place, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, FILE)
    try:
        found = os.fstat(handle)
        _regular(place, found)
        if flags & os.O_CREAT and found.st_uid == os.geteuid() and found.st_mode & 0o777 != FILE:
            os.fchmod(handle, FILE)
    except BaseException:
        os.close(handle)
        raise
    return handle


def reader(place: Path) -> BufferedReader:
    """Opens a regular file for reading; raises as `descriptor`."""
    return open(descriptor(place), "rb")


def read(place: Path) -> bytes:
    """The content of a file; raises as `descriptor`, and OddFileError for more than MOST bytes."""
    with reader(place) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OddFileError(0, f"it is larger than {MOST // 2**20} MiB", str(place))
    return content


def discard(place: Path) -> None:
    """Removes a file, a link (not its target) or an empty folder; does nothing if the path does not exist.

    Raises:
        MachineError: it cannot be removed.
    """
    try:
        if stat.S_ISDIR(os.lstat(place).st_mode):
            place.rmdir()
        else:
            place.unlink()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise MachineError(
            f"{place} is damaged and cannot be removed: {error.strerror}", _away(place)
        ) from None


def regular(folder: Path) -> Iterator[Path]:
    """The regular files in the subfolders of a folder (`folder/ab/…`); links are not followed."""
    for shelf in _entries(folder):
        if shelf.is_dir(follow_symlinks=False):
            yield from (
                Path(file.path) for file in _entries(Path(shelf.path)) if file.is_file(follow_symlinks=False)
            )


def check(root: Path) -> None:
    """Sets the mode FOLDER on the store's folders that belong to the calling user; missing ones are skipped.

    Raises:
        MachineError: one is not a folder, or belongs to another user and cannot be written.
    """
    for part in PARTS:
        folder = root / part
        if not os.path.lexists(folder):
            continue
        _usable(folder)
        if part in SHELVED:
            for shelf in _entries(folder):
                if len(shelf.name) == 2:
                    _usable(Path(shelf.path))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _usable(folder: Path) -> None:
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "a file")
        raise MachineError(f"{folder} must be a folder of the store, but is {kind}", _away(folder))
    if found.st_uid == os.geteuid() and found.st_mode & FOLDER != FOLDER:
        folder.chmod(FOLDER)
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        hint = f"Make it yours, sudo chown -R {os.geteuid()} {folder}, or set PARITY_CACHE to another folder"
        raise MachineError(f"{folder} belongs to user {found.st_uid} and cannot be written", hint)


def _regular(place: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OddFileError(0, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}", str(place))


def _away(place: Path) -> str:
    return f"Move it away: mv {place} /somewhere/else"
