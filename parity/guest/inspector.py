"""A guest's machine looked at from outside: its memory, registers and devices, through QMP.

Nothing in the guest has to work for that. What is looked at is in the middle of something unless the machine
is stopped; stopping, looking and going on again count for nothing in the verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from parity.core.errors import InfraError
from parity.guest.lane import DockerLane

CHUNK = 512 * 1024  # bytes of memory asked for at a time: less than a lane's scratch has room for
CPU_LINE = re.compile(r"^CPU#(\d+)", re.MULTILINE)
# On x86-64 two of one digit as well: the privilege level, and whether the processor waits for an interrupt.
REGISTER = re.compile(r"\b([A-Z][A-Z0-9_]*) *= *([0-9a-fA-F]{8,16}|(?<=CPL=|HLT=)\d)\b")


class Inspector:
    """Looks at the machine of the guest that runs in a lane; a context manager, in which verdicts wait.

    Everything raises InfraError when the emulator refuses, LaneError when it ends meanwhile.
    """

    def __init__(self, lane: DockerLane) -> None:
        self._lane, self._goes_on = lane, False

    def __enter__(self) -> Self:
        self._lane.hold()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lane.release(more_time=self._goes_on)

    def let_go_on(self) -> None:
        """Lets a machine run that was stopped, and its guest go on though it seems to hang."""
        self.qmp("cont")
        self._goes_on = True

    def qmp(self, execute: str, **arguments: object) -> Any:
        """What the emulator returns for a QMP command."""
        reply = self._lane.qmp(execute, **arguments)
        if "error" in reply:
            raise InfraError(f"the emulator refuses {execute}: {reply['error']['desc']}")
        return reply.get("return")

    def monitor(self, command: str) -> str:
        """What the emulator's monitor for people prints."""
        return str(self.qmp("human-monitor-command", **{"command-line": command}))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Inside, no processor of the guest runs; afterwards they go on if they did before."""
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
        """Memory at a physical address, in bytes."""
        return self._read("pmemsave", address, size)

    def read_virtual(self, address: int, size: int, cpu: int = 0) -> bytes:
        """Memory at a virtual address, as one processor sees it now."""
        return self._read("memsave", address, size, **{"cpu-index": cpu})

    def registers(self) -> list[dict[str, int]]:
        """The registers of every processor, by the emulator's names for them."""
        parts = CPU_LINE.split(self.monitor("info registers -a"))[1:]
        texts = {int(number): text for number, text in zip(parts[::2], parts[1::2], strict=True)}
        found = (REGISTER.findall(texts[number]) for number in sorted(texts))
        return [{name: int(value, 16) for name, value in registers} for registers in found]

    def type(self, data: bytes) -> None:
        """Types on the guest's console."""
        self._lane.write("serial", data)

    def _read(self, execute: str, address: int, size: int, **more: object) -> bytes:
        pieces = [(at, min(CHUNK, size - at)) for at in range(0, size, CHUNK)]
        return b"".join(self._lane.memory(execute, address + at, count, **more) for at, count in pieces)
