"""Files and folders of the store as they may be found: other programs write there as well.

What is no regular file (a folder, a FIFO, a device, a link) is never opened, so nothing waits for its other
end, and nothing is read, written or removed through a link. Modes are set, never inherited from the umask.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from parity.core.errors import MachineError

PARTS = ("blobs", "actions", "evidence", "images", "locks", "tmp")
SHELVED = PARTS[:3]  # with a folder for each first two digits of a name
FOLDER, FILE = 0o755, 0o644
MOST = 2**26  # bytes of a record, or of all evidence under one key
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class OddFileError(OSError):
    """Something else than a regular file is in a file's place, or one that is too large."""


def descriptor(place: Path, flags: int = os.O_RDONLY) -> int:
    """Opens a regular file, made with mode FILE where `flags` has O_CREAT.

    Raises:
        OddFileError: it is something else.
        OSError: it cannot be opened.
    """
    try:
        _regular(place, os.lstat(place))  # before it is opened, which alone does things to a device
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
    """A regular file to read; raises as `descriptor`."""
    return open(descriptor(place), "rb")


def read(place: Path) -> bytes:
    """What a small file holds; raises as `descriptor`, and OddFileError for more than MOST bytes."""
    with reader(place) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise OddFileError(0, f"it is larger than {MOST // 2**20} MiB", str(place))
    return content


def discard(place: Path) -> None:
    """Removes what is in a file's place: a file, a link itself, an empty folder. Nothing need be there.

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
            f"{place} is damaged, and cannot be removed: {error.strerror}", _away(place)
        ) from None


def regular(folder: Path) -> Iterator[Path]:
    """The regular files on the shelves of a folder (`folder/ab/…`), none that links lead to."""
    for shelf in _entries(folder):
        if shelf.is_dir(follow_symlinks=False):
            yield from (
                Path(file.path) for file in _entries(Path(shelf.path)) if file.is_file(follow_symlinks=False)
            )


def check(root: Path) -> None:
    """Gives the folders of a store that are ours the mode FOLDER; those that are not there do not matter.

    Raises:
        MachineError: one is no folder, or another user's where we cannot write.
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
        raise MachineError(f"{folder} must be a folder of the store, and is {kind}", _away(folder))
    if found.st_uid == os.geteuid() and found.st_mode & FOLDER != FOLDER:
        folder.chmod(FOLDER)
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        hint = f"Make it yours, sudo chown -R {os.geteuid()} {folder}, or set PARITY_CACHE to another folder"
        raise MachineError(f"{folder} belongs to user {found.st_uid}, and cannot be written", hint)


def _regular(place: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OddFileError(0, f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}", str(place))


def _away(place: Path) -> str:
    return f"Move it away: mv {place} /somewhere/else"
