"""Examines a guest's machine from outside, through QMP: memory, registers and devices.

This works even if nothing in the guest does. The state is consistent only while the machine is stopped. The
time of the examination does not count for the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from parity.core.errors import InfraError
from parity.guest.lane import DockerLane

CHUNK = 512 * 1024  # bytes of memory per request; must fit into a lane's scratch folder
CPU_LINE = re.compile(r"^CPU#(\d+)", re.MULTILINE)
# On x86-64 also two one-digit values: CPL, the privilege level, and HLT, waiting for an interrupt.
REGISTER = re.compile(r"\b([A-Z][A-Z0-9_]*) *= *([0-9a-fA-F]{8,16}|(?<=CPL=|HLT=)\d)\b")


class Inspector:
    """Examines the machine of the guest in a lane. A context manager: inside it, the verdict's clock is
    stopped.

    All methods raise InfraError if the emulator refuses, and LaneError if it ends.
    """

    def __init__(self, lane: DockerLane) -> None:
        self._lane, self._resumed = lane, False

    def __enter__(self) -> Self:
        self._lane.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lane.release(extend_deadline=self._resumed)

    def resume_guest(self) -> None:
        """Resumes a stopped machine, and extends the deadline of its guest."""
        self.qmp("cont")
        self._resumed = True

    def qmp(self, execute: str, **arguments: object) -> Any:
        """Executes a QMP command and returns its result."""
        reply = self._lane.qmp(execute, **arguments)
        if "error" in reply:
            raise InfraError(f"the emulator refuses {execute}: {reply['error']['desc']}")
        return reply.get("return")

    def monitor(self, command: str) -> str:
        """Executes a command of QEMU's human monitor and returns its output."""
        return str(self.qmp("human-monitor-command", **{"command-line": command}))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stops the machine during the block; afterwards it runs if it ran before."""
        status = self.qmp("query-status")
        if not isinstance(status, dict) or not isinstance(status.get("running"), bool):
            raise InfraError("the emulator does not say whether its guest runs")
        running = status["running"]
        if running:
            self.qmp("stop")
        yield
        if running:
            self.qmp("cont")

    def read(self, address: int, size: int) -> bytes:
        """Reads `size` bytes of memory at a physical address."""
        return self._read("pmemsave", address, size)

    def read_virtual(self, address: int, size: int, cpu: int = 0) -> bytes:
        """Reads `size` bytes of memory at a virtual address, with the page table of one processor."""
        return self._read("memsave", address, size, **{"cpu-index": cpu})

    def registers(self) -> list[dict[str, int]]:
        """The registers of each processor, by QEMU's names."""
        parts = CPU_LINE.split(self.monitor("info registers -a"))[1:]
        texts = {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}
        found = (REGISTER.findall(texts[number]) for number in sorted(texts))
        return [{name: int(value, 16) for name, value in registers} for registers in found]

    def type(self, data: bytes) -> None:
        """Sends input to the guest's console."""
        self._lane.write("serial", data)

    def _read(self, execute: str, address: int, size: int, **more: object) -> bytes:
        pieces = [(at, min(CHUNK, size - at)) for at in range(0, size, CHUNK)]
        return b"".join(self._lane.memory(execute, address + at, count, **more) for at, count in pieces)
