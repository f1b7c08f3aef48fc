"""Safe access from the host to a folder that a container can write to.

A program in the container can put links, pipes and devices there. So a path is opened part by part, each part
relative to its opened parent folder, and a part that is a link is refused. Only regular files are opened.
Paths are relative to the folder and are separated by `/`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from parity.core.errors import BuildError

DEPTH = 64  # folders within folders; Cargo makes 8
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that is opened without O_NONBLOCK waits for its other end.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Entry:
    """A file, folder or other entry: its path, and its status (of a link: not the target's)."""

    path: str
    status: os.stat_result

    @property
    def regular(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)


class Folder:
    """A folder on the host that containers write to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, path: str) -> BinaryIO:
        """Opens a regular file for reading.

        Raises:
            BuildError: it is missing, is not a regular file, or the path leads outside.
        """
        try:
            with self._parent(path) as (parent, name):
                file = os.fdopen(os.open(name, _READ, dir_fd=parent), "rb")
        except OSError as error:
            raise BuildError(f"{self.root / path} is no file of the build: {error.strerror}") from None
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        file.close()
        raise BuildError(f"{self.root / path} is no file of the build: not a regular file")

    @contextlib.contextmanager
    def new(self, path: str, mode: int, time_ns: int) -> Iterator[BinaryIO]:
        """Creates a file for writing, and its missing folders; they get the owner of the whole folder.

        `time_ns` is the file's modification time after the block, in nanoseconds since the epoch.

        Raises:
            OSError: the path exists, a part of it is not a folder, or the disk is full.
        """
        with (
            self._parent(path, make=True) as (parent, name),
            os.fdopen(os.open(name, _NEW, mode, dir_fd=parent), "wb") as file,
        ):
            self._give(file.fileno())
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.utime(file.fileno(), ns=(time_ns, time_ns))

    def exists(self, path: str) -> bool:
        """Whether the path exists; also true for a link, and for a path through a link."""
        try:
            with self._parent(path) as (parent, name):
                os.lstat(name, dir_fd=parent)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def remove(self, path: str) -> None:
        """Removes a file; does nothing if it is missing or its path leads through a link."""
        with contextlib.suppress(OSError), self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def entries(self, below: str = "") -> Iterator[Entry]:
        """All entries of the folder, or of one folder in it, at any depth.

        Raises:
            BuildError: folders are nested deeper than DEPTH.
            OSError: a folder cannot be read.
        """
        folders = [below]
        while folders:
            folder = folders.pop()
            if folder.count("/") >= DEPTH:
                raise BuildError(f"the build nests folders deeper than {DEPTH} in {self.root}")
            try:
                handle = self._open_folder(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                if folder == below:  # it is a link, for example
                    continue
                raise
            with _closing(handle), os.scandir(handle) as found:
                for each in found:
                    path = f"{folder}/{each.name}" if folder else each.name
                    try:
                        status = os.lstat(each.name, dir_fd=handle)
                    except FileNotFoundError:  # a running build has removed it
                        continue
                    yield Entry(path, status)
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(path)

    def give(self, uid: int, gid: int) -> None:
        """Changes the owner of the folder and of all its entries; does nothing if the folder has this owner.

        Raises:
            BuildError: folders are nested too deep.
            OSError: the caller is not permitted to change the owner.
        """
        status = self.root.stat()
        if (status.st_uid, status.st_gid) == (uid, gid):
            return
        for entry in self.entries():
            with self._parent(entry.path) as (parent, name):
                os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
        os.chown(self.root, uid, gid)  # last, so that the next command continues after a kill

    def clear(self) -> None:
        """Removes all entries of the folder.

        Inner folders are moved to the top before their parent is removed, so that no nesting is too deep.

        Raises:
            OSError: an entry cannot be removed.
        """
        with _closing(self._open_folder("")) as top:
            while folders := _unlink_files(top):
                for name in folders:
                    with _closing(_open_writable(name, top)) as folder:
                        for inner in _unlink_files(folder):
                            os.close(_open_writable(inner, folder))
                            os.rename(inner, uuid.uuid4().hex, src_dir_fd=folder, dst_dir_fd=top)
                    os.rmdir(name, dir_fd=top)

    @contextlib.contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder that contains a path, and the last part of the path."""
        pure = PurePosixPath(path)
        if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
            raise BuildError(f"{path!r} leads outside the build's folder")
        with _closing(self._open_folder("/".join(pure.parts[:-1]), make=make)) as folder:
            yield folder, pure.name

    def _open_folder(self, path: str, *, make: bool = False) -> int:
        """A descriptor of a folder, opened part by part; `make`: missing parts are created."""
        # The path above the root belongs to the user and can contain links.
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in PurePosixPath(path).parts:
            with _closing(folder):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                inner = os.open(part, _FOLDER, dir_fd=folder)
            folder = inner
            if make:
                self._give(folder)
        return folder

    def _give(self, handle: int) -> None:
        """Gives a new entry to the owner of the whole folder, who is another user if we are root."""
        wanted, status = self.root.stat(), os.fstat(handle)
        if (status.st_uid, status.st_gid) != (wanted.st_uid, wanted.st_gid):
            os.fchown(handle, wanted.st_uid, wanted.st_gid)


def _unlink_files(folder: int) -> list[str]:
    """Removes all entries except folders from an open folder; returns the names of the folders."""
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if not is_folder:
            os.unlink(name, dir_fd=folder)
    return [name for name, is_folder in entries if is_folder]


def _open_writable(name: str, parent: int) -> int:
    """Opens a folder to empty it; makes it writable first."""
    path_only = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    with _closing(path_only):
        Path(f"/proc/self/fd/{path_only}").chmod(0o700)
    return os.open(name, _FOLDER, dir_fd=parent)


@contextlib.contextmanager
def _closing(handle: int) -> Iterator[int]:
    try:
        yield handle
    finally:
        os.close(handle)
