"""A running container, as its client uses it: input, output and end."""

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

from parity.core.errors import InfraError, MachineError

Stream = Literal["stdout", "stderr"]
WRITE_S = 60  # seconds for a container to read bytes from its input
LINE_MAX = 2**20  # bytes of a line; Cargo's longest message is a few thousand
REMOVAL_S = 10.0  # for Docker to remove a killed container


class Attached:
    """A started container with its standard streams attached; it ends when its input is closed.

    One thread may read `frames` while another writes. Not usable after `close`.
    """

    def __init__(self, container: Container, connection: Any, waiting: requests.Response) -> None:
        self.id = str(container.id)
        self._container = container
        self._connection = connection
        # On Unix sockets the Docker SDK gives a read-only SocketIO; the socket is in it.
        self._socket = connection if hasattr(connection, "sendall") else connection._sock
        # A read may take as long as the container runs.
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", WRITE_S, 0))
        self._ended = threading.Event()
        self._status: int | None = None
        self._error: str | None = None
        threading.Thread(target=self._await_end, args=(waiting,), daemon=True, name="container-end").start()

    def write(self, data: bytes) -> None:
        """Sends bytes to standard input.

        Raises:
            InfraError: the container has ended or does not read its input.
        """
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise InfraError(f"container {self.id[:12]} no longer reads its input: {error}") from error

    def frames(self) -> Iterator[tuple[Stream, bytes]]:
        """Yields output as it arrives, in pieces of any size, until the container ends or `close` is called.

        Raises:
            MachineError: the connection is lost.
        """
        try:
            for number, data in docker_socket.frames_iter(  # type: ignore[no-untyped-call]
                self._connection, tty=False
            ):
                yield ("stderr" if number == docker_socket.STDERR else "stdout"), data
        except (OSError, ValueError) as error:
            if not self._ended.wait(1.0):
                raise MachineError(f"lost the connection to container {self.id[:12]}: {error}") from error

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Waits until the container is removed; returns its exit status, or None after the timeout.

        Raises:
            MachineError: the daemon died, or does not know the status.
        """
        if not self._ended.wait(timeout_s):
            return None
        if self._status is None:
            raise MachineError(f"Docker lost container {self.id[:12]}: {self._error}")
        return self._status

    def threads(self) -> int | None:
        """The number of threads in the container; None if Docker does not report it."""
        try:
            stats = self._container.client.api.stats(self.id, stream=False, one_shot=True)  # type: ignore[union-attr]
            return int(stats["pids_stats"]["current"])
        except (docker.errors.APIError, requests.RequestException, OSError, KeyError, TypeError, ValueError):
            return None

    def hang_up(self) -> None:
        """Closes the input, so that the container ends, and ends `frames`. Does not wait."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """Ends the container now (SIGKILL to all in it). Does nothing if it has ended."""
        with contextlib.suppress(docker.errors.APIError, requests.RequestException):
            self._container.kill()

    def close(self, grace_s: float = 2.0) -> None:
        """Closes the input, waits up to `grace_s` for the container to end, then kills it.

        Returns when the container is removed, or after REMOVAL_S; then `Engine.reap` removes it later.
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
    """Cuts each stream into lines, at LINE_MAX bytes at the latest; replaces bytes that are not UTF-8."""
    rest: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
    for stream, data in frames:
        *whole, rest[stream] = (rest[stream] + data).split(b"\n")
        if len(rest[stream]) > LINE_MAX:
            whole, rest[stream] = [*whole, rest[stream]], b""
        for line in whole:
            yield stream, line.decode(errors="replace")
    for stream, line in rest.items():
        if line:
            yield stream, line.decode(errors="replace")
