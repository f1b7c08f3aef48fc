"""A running container seen from its client: input, output, end."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, Literal

import docker.errors
import requests
from docker.models.containers import Container
from docker.utils import socket as docker_socket

from parity.errors import InfraError, MachineError

Stream = Literal["stdout", "stderr"]
WRITE_S = 60  # for a container to take bytes from its input; seconds
REMOVAL_S = 10.0  # for Docker to remove a container that was killed


class Attached:
    """A started container with its standard streams attached; ends when its input is closed.

    One thread may read ``frames`` while another writes. Never reused after ``close``.
    """

    def __init__(self, container: Container, connection: Any, waiting: requests.Response) -> None:
        self.id = str(container.id)
        self._container = container
        self._connection = connection
        # docker SDK hands out a read-only SocketIO on Unix sockets; the socket itself lies below it.
        self._socket = connection if hasattr(connection, "sendall") else connection._sock
        # Reading may take as long as the container lives: what it says is no business of a deadline here.
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", WRITE_S, 0))
        self._ended = threading.Event()
        self._status: int | None = None
        self._error: str | None = None
        threading.Thread(target=self._await_end, args=(waiting,), daemon=True, name="container-end").start()

    def write(self, data: bytes) -> None:
        """Send bytes to standard input. Raises InfraError when the container has ended, or reads no more."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise InfraError(f"container {self.id[:12]} no longer reads its input: {error}") from error

    def frames(self) -> Iterator[tuple[Stream, bytes]]:
        """Output as it comes, in pieces of any size, until the container ends or ``close`` is called."""
        try:
            for number, data in docker_socket.frames_iter(  # type: ignore[no-untyped-call]
                self._connection, tty=False
            ):
                yield ("stderr" if number == docker_socket.STDERR else "stdout"), data
        except (OSError, ValueError) as error:
            if not self._ended.wait(1.0):
                raise MachineError(f"lost the connection to container {self.id[:12]}: {error}") from error

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit status once the container has ended and is removed; None when the time is over first.

        Raises MachineError when the daemon died or could not tell.
        """
        if not self._ended.wait(timeout_s):
            return None
        if self._status is None:
            raise MachineError(f"Docker lost container {self.id[:12]}: {self._error}")
        return self._status

    def hang_up(self) -> None:
        """Close the input, on which the container ends, and end `frames`. Waits for nothing."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End the container now (SIGKILL to all in it). Harmless when it has ended."""
        with contextlib.suppress(docker.errors.APIError, requests.RequestException):
            self._container.kill()

    def close(self, grace_s: float = 2.0) -> None:
        """Close the input, give the container ``grace_s`` to end by itself, then kill it.

        Returns when it is gone; what Docker cannot remove within REMOVAL_S more is left to ``Engine.reap``.
        """
        self.hang_up()
        if not self._ended.wait(grace_s):
            self.kill()
            self._ended.wait(REMOVAL_S)
        self._connection.close()
        self._socket.close()

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await_end(self, waiting: requests.Response) -> None:
        try:
            answer = waiting.json()
            self._status = int(answer["StatusCode"])
            self._error = (answer.get("Error") or {}).get("Message")
        except (requests.RequestException, ValueError, KeyError, OSError) as error:
            self._error = str(error)
        finally:
            self._ended.set()


def split_lines(frames: Iterator[tuple[Stream, bytes]]) -> Iterator[tuple[Stream, str]]:
    """Cut each stream into lines; bytes that are not UTF-8 are replaced."""
    rest: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
    for stream, data in frames:
        *whole, rest[stream] = (rest[stream] + data).split(b"\n")
        for line in whole:
            yield stream, line.decode(errors="replace")
    for stream, line in rest.items():
        if line:
            yield stream, line.decode(errors="replace")
