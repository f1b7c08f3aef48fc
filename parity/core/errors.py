"""What can go wrong, and which exit status says so.

::

    ParityError            2   base of all; raise one of its children
    ├── UserError          3   a user's mistake (option, YAML, name), found before anything ran
    ├── MachineError       2   this machine cannot do it: no Docker, disk full, no network, no permission
    ├── BuildError         2   a kernel tree or its programs do not build; carries the compiler's own text
    │   └── RevisionError  125 one of two commits to compare does not build: `git bisect run` skips it
    └── InfraError         2   our own machinery failed: lane, emulator, supervisor

``message`` is one sentence for a person, ``hint`` says what to do about it.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class ParityError(Exception):
    """Base of all errors that are told to the user in one line, without a traceback."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  {self.hint}"


class UserError(ParityError):
    """A user's mistake, with the place it was made where a file is at fault. ``line`` counts from 1."""

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        file: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(
            message if file is None else f"{file}:{'' if line is None else f'{line}:'} {message}", hint
        )
        self.file = file
        self.line = line


class MachineError(ParityError):
    """This machine cannot do what was asked: Docker, disk space, network, permission, host package."""


class BuildError(ParityError):
    """A tree does not build. ``output`` is the compiler's own text, as it would appear on a terminal."""

    def __init__(self, message: str, hint: str | None = None, *, output: str = "") -> None:
        super().__init__(message, hint)
        self.output = output


class RevisionError(BuildError):
    """One of two commits that are compared does not build."""

    exit_code: ClassVar[int] = 125


class InfraError(ParityError):
    """Our own machinery failed: a lane, the emulator, the supervisor in the lane."""


SHOWN = 80  # characters of what a user gave, in a complaint about it


def shown(text: str) -> str:
    """What a user gave, safe to print, and cut where it is too long for a message."""
    safe = text[:SHOWN] if text[:SHOWN].isprintable() else repr(text[:SHOWN])[1:-1]
    return safe if len(text) <= SHOWN else f"{safe}… ({len(text)} characters)"


_ROOM = "make room for the cache (PARITY_CACHE, else ~/.cache/parity) and for build/"
_RIGHTS = "Parity writes to its cache (PARITY_CACHE, else ~/.cache/parity) and to build/"
_HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _RIGHTS),
}
# What a system call may answer that is no mistake of ours, wherever it happens.
_MACHINES = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk does not read or write",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EMFILE: "too many open files in this process",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOMEM: "no memory",
    errno.EAGAIN: "no more processes or threads can be started",
    errno.ENOLCK: "this file system has no locks",
    errno.ESTALE: "the network file system has lost a file",
    errno.ENOTDIR: "a file is where a folder is needed",
    errno.EEXIST: "something is where a file or folder is to be made",
    errno.EISDIR: "a folder is where a file is needed",
    errno.ELOOP: "symbolic links lead to no end",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ECONNREFUSED: "the other end takes no connection",
    errno.ECONNRESET: "the other end broke the connection",
    errno.EPIPE: "the other end broke the connection",
}
_QUOTED = re.compile(r"^\s*\d*\s*\|")  # a compiler's quotation of a source


def said(lines: Iterable[str]) -> str | None:
    """What a tool complains of that is the machine's fault, by its own words; None when there is nothing.

    Lines of a source that a compiler quotes do not count.
    """
    spoken = "\n".join(line for line in lines if not _QUOTED.match(line))
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE):
        if os.strerror(number).lower() in spoken.lower():
            return _MACHINES[number]
    if os.strerror(errno.ENOMEM) in spoken or "signal: 9, SIGKILL" in spoken:
        return _MACHINES[errno.ENOMEM]
    return None


def foreseen(error: BaseException) -> ParityError | None:
    """The error to tell the user; None for what nobody foresaw, a bug."""
    if isinstance(error, ParityError):
        return error
    if isinstance(error, MemoryError):
        return MachineError(_MACHINES[errno.ENOMEM])
    if isinstance(error, OSError) and error.errno in _MACHINES:
        place = f": {error.filename}" if error.filename else ""
        return MachineError(f"{_MACHINES[error.errno]}{place}", _HINTS.get(error.errno))
    return None
