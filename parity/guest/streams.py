"""Parts of a lane's supervisor: frames to the client, descriptors of a guest, file copies.

It runs inside a lane with supervisor.py, so it uses only the standard library.
"""

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

FLUSH_S = 0.005  # collect frames this long, because each write to the client passes through Docker
STREAM_LIMIT = 16 * 1024 * 1024  # bytes kept per stream of one guest; further bytes are only counted
READ_LIMIT = 256 * 1024  # bytes read from one source before the other sources
SOCKET_BUFFER = 1024 * 1024
HIGH_FD = 64  # above all descriptors of the emulator


class Output:
    """The frames to the client. Writing never blocks: a guest must be drained even for a slow client."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.flush_at: float | None = None
        self._pending = bytearray()
        self._open: tuple[str, float, bytearray] | None = None  # a stream's frame that may still grow

    def frame(self, kind: str, t: float, content: bytes | dict[str, object]) -> None:
        """Adds a frame of bytes or of header fields; consecutive console output becomes one frame."""
        if kind == "serial" and isinstance(content, bytes) and self._open and self._open[0] == kind:
            self._open[2].extend(content)
        else:
            self._close_frame()
            if isinstance(content, bytes):
                self._open = (kind, t, bytearray(content))
            else:
                self._append(kind, t, b"", content)
        if self.flush_at is None:
            self.flush_at = time.monotonic() + FLUSH_S

    def flush(self) -> bool:
        """Writes as much as the client takes now; returns whether all is written."""
        self._close_frame()
        self.flush_at = None
        while self._pending:
            try:
                written = os.write(self.descriptor, self._pending)
            except BlockingIOError:
                return False
            del self._pending[:written]
        return True

    def _close_frame(self) -> None:
        if self._open:
            kind, t, data = self._open
            self._open = None
            self._append(kind, t, bytes(data), {})

    def _append(self, kind: str, t: float, data: bytes, header: dict[str, object]) -> None:
        line = json.dumps({"type": kind, "t": round(t, 6), "n": len(data), **header})
        self._pending += line.encode() + b"\n" + data


class Stream:
    """One descriptor of the guest, read to its end; bytes above a limit are dropped."""

    def __init__(self, kind: str, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.kind, self.descriptor = kind, descriptor
        self.total = self.dropped = 0
        self.ended = False

    def read(self) -> bytes:
        """Reads the available bytes, at most READ_LIMIT."""
        data = bytearray()
        while not self.ended and len(data) < READ_LIMIT:
            try:
                piece = os.read(self.descriptor, 65536)
            except BlockingIOError:
                break
            except ConnectionResetError:
                piece = b""
            self.ended = not piece
            data += piece
        self.total += len(data)
        return bytes(data)

    def keep(self, data: bytes) -> bytes:
        """The part of the bytes just read that is within the limit."""
        over = min(len(data), max(0, self.total - STREAM_LIMIT))
        self.dropped += over
        return data[: len(data) - over]


def spawn(argv: list[str], fds: dict[str, int]) -> tuple[int, dict[str, int]]:
    """Starts a program with a socket at each descriptor of `fds`; returns its pid and the other ends."""
    ours: dict[str, int] = {}
    actions: list[Any] = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1)]
    with contextlib.ExitStack() as theirs:
        for name, target in fds.items():
            pair = socket.socketpair()
            for end in pair:  # serial ports write single bytes, and each byte costs a socket buffer
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            ours[name] = pair[0].detach()
            high = fcntl.fcntl(theirs.enter_context(pair[1]).fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
            theirs.callback(os.close, high)
            actions.append((os.POSIX_SPAWN_DUP2, high, target))
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        try:
            pid = os.posix_spawnp(
                argv[0], argv, environment, file_actions=actions, setsigdef=[signal.SIGPIPE]
            )
        except OSError:
            for descriptor in ours.values():
                os.close(descriptor)
            raise
    return pid, ours


def copy_sparse(source: str, target: str) -> None:
    """Copies a file and keeps its holes. Raises OSError if it cannot be read or does not fit."""
    with Path(source).open("rb") as read, Path(target).open("wb") as write:
        size = os.fstat(read.fileno()).st_size
        write.truncate(size)
        begin = 0
        while begin < size:
            try:
                begin = os.lseek(read.fileno(), begin, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:  # the rest is a hole
                    return
                raise
            end = os.lseek(read.fileno(), begin, os.SEEK_HOLE)
            os.lseek(write.fileno(), begin, os.SEEK_SET)
            while begin < end:
                begin += os.sendfile(write.fileno(), read.fileno(), begin, end - begin)
