"""Standard output and standard error that never interrupt the work.

If their reader ends (`| head -1`), their disk is full, or they are closed, the work continues and keeps its
exit status. Only lost output, such as on a full disk, is reported at the end.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

GONE = (errno.EPIPE, errno.EIO, errno.EBADF)  # no reader, no terminal, closed from the beginning


class Outlet(io.RawIOBase):
    """A descriptor that raises no errors; `lost` is the error by which output was lost, if any."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._broken = False
        self.lost: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: ReadableBuffer) -> int:
        """Writes data, or drops it after an error; returns the number of bytes taken, at least one."""
        while not self._broken:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # another process made the shared terminal non-blocking
                select.select([], [self._descriptor], [])
            except OSError as error:
                self._broken = True
                self.lost = None if error.errno in GONE else error
        return memoryview(data).nbytes


_outlets: list[Outlet] = []


def open_both() -> None:
    """Replaces `sys.stdout` and `sys.stderr` by outlets."""
    sys.stdout, sys.stderr = _text(1, sys.stdout), _text(2, sys.stderr)


def _text(descriptor: int, former: TextIO | None) -> TextIO:
    outlet = Outlet(descriptor)
    _outlets.append(outlet)
    encoding = former.encoding if former else "utf-8"
    interactive = descriptor == 2 or outlet.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=interactive,
    )


def say(text: str) -> None:
    """Prints a line to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def close(status: int) -> int:
    """Flushes the outlets; returns the exit status, which is 2 if output was lost."""
    sys.stdout.flush()
    lost = next((outlet.lost for outlet in _outlets if outlet.lost), None)
    if lost is None:
        return status
    say(f"error: the output cannot be written: {lost.strerror}")
    return 2 if status in (0, 1) else status
