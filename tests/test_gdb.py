"""The emulator's GDB stub, played by a small machine: packets, registers, calls counted exactly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import cast

import pytest

from parity.build.elf import Kernel, Symbol
from parity.core.errors import InfraError
from parity.guest.gdb import Stub
from parity.guest.lane import DockerLane, Message
from parity.trace.run import Entry, count

ENTRY = 0x1400
TARGET = '<target><xi:include href="core.xml"/><xi:include href="system.xml"/></target>'
CORE = '<reg name="x0" bitsize="64" regnum="0"/><reg name="sp" bitsize="64"/><reg name="pc" bitsize="64"/>'
SYSTEM = '<reg name="OTHER" bitsize="64" regnum="70"/><reg name="CAUSE" bitsize="64"/>'
CALL, FAULT = 0x15 << 26, 0x24 << 26


class Machine:
    """A guest that enters the kernel for these causes in turn; one of so many steps does not move it."""

    def __init__(self, causes: list[int], idle_every: int = 0) -> None:
        self.causes, self.idle_every = deque(causes), idle_every
        self.pc = self.cause = self.steps = 0
        self.packets: list[str] = []
        self._out = b""

    def write(self, _to: str, data: bytes) -> None:
        packet = data[1:-3].decode()
        assert data == f"${packet}#{sum(packet.encode()) & 0xFF:02x}".encode()
        self.packets.append(packet)
        answer = self.answer(packet)
        self._out += f"+${answer}#{sum(answer.encode()) & 0xFF:02x}".encode()

    def answer(self, packet: str) -> str:
        match packet[0]:
            case "q":
                file, at = packet.split(":")[3], int(packet.split(":")[4].split(",")[0], 16)
                text = {"target.xml": TARGET, "core.xml": CORE, "system.xml": SYSTEM}[file]
                return ("m" if at + 40 < len(text) else "l") + text[at : at + 40]
            case "p":
                value = {2: self.pc, 71: self.cause}[int(packet[1:], 16)]
                return value.to_bytes(8, "little").hex()
            case "Z":
                return "OK" if packet == f"Z1,{ENTRY:x},4" else "E01"
            case "s":
                self.steps += 1
                if not (self.idle_every and self.steps % self.idle_every == 0):
                    self.pc += 4
                return "T05thread:01;"
            case "c":
                if self.pc == ENTRY:  # the breakpoint is met again
                    return "T05thread:01;"
                if not self.causes:
                    return "T03thread:01;"
                self.pc, self.cause = ENTRY, self.causes.popleft()
                return "T05thread:01;"
        return ""

    def wait(self, wanted: Callable[[Message], bool], _purpose: str) -> Message:
        # In pieces, as sockets give them.
        piece, self._out = self._out[:7], self._out[7:]
        message = Message("gdb", 0.0, piece)
        assert piece
        assert wanted(message)
        return message


def stub(machine: Machine) -> Stub:
    return Stub(cast(DockerLane, machine))


def test_registers_are_numbered_as_their_descriptions_say() -> None:
    found = stub(Machine([])).registers
    assert found == {"x0": 0, "sp": 1, "pc": 2, "OTHER": 70, "CAUSE": 71}


def test_what_the_stub_refuses_is_an_error() -> None:
    machine = Machine([])
    with pytest.raises(InfraError, match="refuses 'Z1,0,4': E01"):
        stub(machine).ask("Z1,0,4")
    with pytest.raises(InfraError, match="refuses 'vUnknown': unknown"):
        stub(machine).ask("vUnknown")
    with pytest.raises(InfraError, match="no register NAME"):
        stub(machine).register("NAME")


@pytest.mark.parametrize("idle_every", [0, 2, 3])
def test_every_call_is_counted_once(idle_every: int) -> None:
    """Also where a step at the breakpoint is said to be done before it has begun."""
    causes = [CALL, FAULT, CALL, CALL, FAULT, CALL]
    kernel = Kernel((), {"vectors": Symbol(ENTRY - 0x400, 0)})
    machine = Machine(causes, idle_every)
    assert count(stub(machine), kernel, Entry("pc", "vectors", 0x400, "CAUSE", 26, 0x15)) == 4
    assert machine.packets.count("c") == len(causes) + 1
    assert count(stub(Machine(causes, idle_every)), kernel, Entry("pc", "vectors", 0x400)) == len(causes)
