"""Error types and their exit statuses.

::

    ParityError            2   base class; raise a subclass
    ├── UserError          3   a user's mistake (option, YAML, name), found before anything ran
    ├── MachineError       2   this machine cannot do it: no Docker, disk full, no network, no permission
    ├── BuildError         2   a kernel tree or its programs do not build; carries the compiler's own text
    │   └── RevisionError  125 one of two commits to compare does not build: `git bisect run` skips it
    └── InfraError         2   Parity's own infrastructure failed: lane, emulator, supervisor

``message`` is one sentence for the user; ``hint`` is the remedy.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar


class ParityError(Exception):
    """Base class of all errors that the user sees as one message, without a traceback."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  {self.hint}"


class UserError(ParityError):
    """A user's mistake, with file and line if it is in a file. ``line`` counts from 1."""

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
    """This machine lacks something: Docker, disk space, network, permission, a host package."""


class BuildError(ParityError):
    """A tree does not build. ``output`` is the compiler's output."""

    def __init__(self, message: str, hint: str | None = None, *, output: str = "") -> None:
        super().__init__(message, hint)
        self.output = output


class RevisionError(BuildError):
    """One of the two compared commits does not build."""

    exit_code: ClassVar[int] = 125


class InfraError(ParityError):
    """Parity's own infrastructure failed: a lane, the emulator, the supervisor in the lane."""


SHOWN = 80  # characters of a user's input that a message repeats


def shown(text: str) -> str:
    """A user's input for a message: without control characters, and shortened."""
    safe = text[:SHOWN] if text[:SHOWN].isprintable() else repr(text[:SHOWN])[1:-1]
    return safe if len(text) <= SHOWN else f"{safe}… ({len(text)} characters)"


_ROOM = "make room for the cache (PARITY_CACHE, else ~/.cache/parity) and for build/"
_RIGHTS = "Parity writes to its cache (PARITY_CACHE, else ~/.cache/parity) and to build/"
_HINTS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), _ROOM),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _RIGHTS),
}
# Errors of system calls that are the machine's fault, in any code.
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
    errno.EEXIST: "a file or folder exists already",
    errno.EISDIR: "a folder is where a file is needed",
    errno.ELOOP: "symbolic links form a loop",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the other end broke the connection",
    errno.EPIPE: "the other end broke the connection",
}
_QUOTED = re.compile(r"^\s*\d*\s*\|")  # a source line that a compiler quotes


def machine_problem(lines: Iterable[str]) -> str | None:
    """The machine's fault that a tool's output reports, such as a full disk; None if there is none.

    Source lines that a compiler quotes do not count.
    """
    spoken = "\n".join(line for line in lines if not _QUOTED.match(line))
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE):
        if os.strerror(number).lower() in spoken.lower():
            return _MACHINES[number]
    if os.strerror(errno.ENOMEM) in spoken or "signal: 9, SIGKILL" in spoken:
        return _MACHINES[errno.ENOMEM]
    return None


def known_error(error: BaseException) -> ParityError | None:
    """The error as a ParityError; None if it is unexpected, that is a bug."""
    if isinstance(error, ParityError):
        return error
    if isinstance(error, MemoryError):
        return MachineError(_MACHINES[errno.ENOMEM])
    if isinstance(error, OSError) and error.errno in _MACHINES:
        place = f": {error.filename}" if error.filename else ""
        return MachineError(f"{_MACHINES[error.errno]}{place}", _HINTS.get(error.errno))
    return None
