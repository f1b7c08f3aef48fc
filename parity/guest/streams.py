"""Parts of a lane's supervisor: frames to the client, descriptors of a guest, file copies.

It runs inside a lane with supervisor.py, so it uses only the standard library.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import signal
import socket
import stat
import time
from pathlib import Path
from typing import Any

FLUSH_S = 0.005  # collect frames this long, because each write to the client passes through Docker
STREAM_LIMIT = 16 * 1024 * 1024  # bytes kept per stream of one guest; further bytes are only counted
READ_LIMIT = 256 * 1024  # bytes read from one source before the other sources
SOCKET_BUFFER = 1024 * 1024
PIECE = 1024 * 1024  # bytes of a file copied at once
KEPT = 2  # shared copies: one kernel for each of two architectures
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


def copy_sparse(source: str, target: str) -> str:
    """Copies a regular file with its holes; returns the SHA-256 of the copy.

    Raises OSError if the file cannot be read or the copy does not fit.
    """
    digest, zeros = hashlib.sha256(), bytes(PIECE)
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with contextlib.ExitStack() as ends:
        ends.callback(os.close, handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", source)
        write = ends.enter_context(Path(target).open("wb", buffering=0))
        at, size = 0, os.fstat(handle).st_size
        write.truncate(size)
        while at < size:
            begin = _data_from(handle, at, size)
            for hole in range(at, begin, PIECE):
                digest.update(zeros[: begin - hole])
            at = max(begin, os.lseek(handle, begin, os.SEEK_HOLE)) if begin < size else size
            for piece in range(begin, at, PIECE):
                data = os.pread(handle, min(PIECE, at - piece), piece)
                digest.update(data)
                os.pwrite(write.fileno(), data, piece)
    return digest.hexdigest()


def _data_from(handle: int, at: int, size: int) -> int:
    """The offset of the next data; `size` if only a hole follows."""
    try:
        return min(size, os.lseek(handle, at, os.SEEK_DATA))
    except OSError as error:
        if error.errno == errno.ENXIO:
            return size
        raise


def copy_verified(source: str, target: str, digest: str) -> None:
    """Copies like `copy_sparse`; also raises OSError if the SHA-256 of the copy is not `digest`."""
    if copy_sparse(source, target) != digest:
        raise OSError(errno.EILSEQ, "it was changed while it was used")


class Shared:
    """Copies of files that several guests read, one after another. Only the last KEPT copies stay.

    The name of a copy contains its digest, so the same name means the same content.
    """

    def __init__(self) -> None:
        self._copies: list[str] = []

    def add(self, source: str, copy: str, digest: str) -> None:
        """Makes the copy unless it exists; raises as `copy_verified`."""
        if copy in self._copies:
            self._copies.remove(copy)
        else:
            while len(self._copies) >= KEPT:
                Path(self._copies.pop(0)).unlink()
            copy_verified(source, copy, digest)
        self._copies.append(copy)
