"""Debugs a guest with GDB: stopped before its first instruction, with symbols and Parity's own commands.

GDB runs on the host, where the terminal is; the guest runs in a lane. They are connected by a socket in a
scratch folder, so that no port is needed. GDB and the lane end when this process dies.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

from parity.build.workspace import Workspace
from parity.core import command
from parity.core.errors import InfraError, ParityError
from parity.guest.gdb import EXTRA, NAME
from parity.guest.lane import HEARTBEAT_S, DockerLane, LaneSize, Message
from parity.spec.machine import RunSpec

GDB = "gdb-multiarch"  # the Debian package and its program
SOURCES = "/src"  # the path of the checkout in the compiler's container
START_S = 30.0


def debug(space: Workspace, spec: RunSpec) -> int:
    """Opens GDB on a guest and waits for GDB's end; returns GDB's exit status.

    Raises:
        MachineError: GDB is not installed; the hint has the command to install it.
        InfraError: the guest could not be started, or the lane failed.
    """
    command.require_packages({GDB: GDB}, "doit debug", space.screen.note, space.screen.say)
    size = LaneSize.of([spec], space.store)
    console = space.build / "debug" / f"{spec.arch}-{spec.test}.log"
    console.parent.mkdir(parents=True, exist_ok=True)
    console.write_bytes(b"")
    lane = DockerLane.open(space.engine, space.image("qemu").id, space.store, size)
    try:
        with space.scratch() as folder, _Bridge(lane, spec, folder, console) as bridge:
            space.screen.note(
                f"{spec.test} on {spec.arch}, stopped before its first instruction; its console goes to"
                f" {console.relative_to(space.root)}. For Parity's own commands: help parity"
            )
            status = command.foreground(_argv(space, spec, bridge.address, console), interactive=True)
        bridge.check()
        return status
    finally:
        lane.close()


def _argv(space: Workspace, spec: RunSpec, address: str, console: Path) -> list[str]:
    kernel = space.store.local(spec.kernel)
    # GDB uses another Python, but the packages that the readers need are pure Python.
    places = [str(space.root), sysconfig.get_path("purelib")]
    script = f"import sys; sys.path += {places}; from parity.debug.gdb_commands import register; "
    commands = (
        "set confirm off",
        f"set substitute-path {SOURCES} {space.root}",
        f"python {script} register(gdb, {str(kernel)!r}, {str(console)!r})",
        f"target remote {address}",
    )
    return [GDB, "-q", str(kernel), *(word for text in commands for word in ("-ex", text))]


class _Bridge:
    """Starts a guest, and carries bytes between the socket `address` and the guest's GDB stub."""

    def __init__(self, lane: DockerLane, spec: RunSpec, folder: Path, console: Path) -> None:
        self._lane, self._console = lane, console
        self._messages: Iterator[Message] = lane.run(spec, hold=True, paused=True, extra=EXTRA)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The path leads through a descriptor, because a socket address is limited to 107 bytes.
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.address = f"/proc/{os.getpid()}/fd/{self._folder}/{NAME}"
        self._server.bind(self.address)
        self._server.listen(1)
        self._connection: socket.socket | None = None
        self._started = threading.Event()
        self._failure: str | None = None
        self._threads = [threading.Thread(target=f, daemon=True) for f in (self._from_guest, self._to_guest)]

    def __enter__(self) -> _Bridge:
        for thread in self._threads:
            thread.start()
        if not self._started.wait(START_S):
            self._failure = self._failure or f"the emulator did not start within {START_S:g} s"
        self.check()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ParityError):
            self._lane.stop()
        self._threads[0].join(HEARTBEAT_S)  # then a silent lane has failed
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        os.close(self._folder)

    def check(self) -> None:
        """Raises InfraError if the guest could not be started, or its lane failed."""
        if self._failure:
            raise InfraError(self._failure)

    def _from_guest(self) -> None:
        try:
            with self._console.open("ab", buffering=0) as console:
                for message in self._messages:
                    match message.kind:
                        case "started":
                            self._started.set()
                        case "serial":
                            console.write(message.data)
                        case "failed":
                            self._failure = str(message.fields["message"])
                        case kind if kind == NAME and self._connection:
                            self._connection.sendall(message.data)
        except (ParityError, OSError) as error:
            self._failure = self._failure or str(error)
        finally:
            self._started.set()
            if self._connection:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)

    def _to_guest(self) -> None:
        with contextlib.suppress(OSError, ParityError):
            while True:
                self._connection, _ = self._server.accept()
                while data := self._connection.recv(65536):
                    self._lane.write(NAME, data)
