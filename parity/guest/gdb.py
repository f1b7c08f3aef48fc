"""A client of the emulator's GDB stub, through a descriptor of the lane. It needs no gdb and no port.

The protocol is GDB's remote serial protocol: `$packet#checksum`. The client sends no acknowledgements,
because a byte that arrives while the machine runs would stop it; the stub takes the next packet as
acknowledgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from parity.core.errors import InfraError
from parity.guest.lane import DockerLane, Extra

NAME = "gdb"  # the kind of the messages with the stub's bytes
DESCRIPTOR = 13
EXTRA = {
    NAME: Extra(DESCRIPTOR, ("-chardev", f"socket,id={NAME},fd={DESCRIPTOR}", "-gdb", f"chardev:{NAME}"))
}
PACKET = re.compile(rb"\$([^#]*)#..", re.DOTALL)
REGISTER = re.compile(r'<reg name="([^"]+)"([^>]*)')
NUMBER = re.compile(r'\bregnum="(\d+)"')
TRAP = "05"


class Stub:
    """The GDB stub of a guest that runs with EXTRA. Methods raise LaneError when the emulator ends."""

    def __init__(self, lane: DockerLane) -> None:
        self._lane, self._bytes = lane, b""
        self._packets = self._receive()

    def send(self, packet: str) -> None:
        """Sends a packet and does not wait for the answer."""
        self._lane.write(NAME, f"${packet}#{sum(packet.encode()) & 0xFF:02x}".encode())

    def reply(self) -> str:
        """The stub's next packet."""
        return next(self._packets)

    def ask(self, packet: str) -> str:
        """Sends a packet and returns the answer. Raises InfraError if the stub refuses."""
        self.send(packet)
        answer = self.reply()
        if not answer or answer.startswith("E"):
            raise InfraError(f"the emulator's GDB stub refuses {packet!r}: {answer or 'unknown'}")
        return answer

    def feature(self, file: str) -> str:
        """A register description (XML) by file name; the main one is target.xml."""
        text, at = "", 0
        while True:
            part = self.ask(f"qXfer:features:read:{file}:{at:x},800")
            text, at = text + part[1:], at + len(part) - 1
            if part.startswith("l"):
                return text

    @cached_property
    def registers(self) -> dict[str, int]:
        """Register numbers by name, from all descriptions. A register without a number has the next one."""
        found: dict[str, int] = {}
        number = 0
        for file in re.findall(r'href="([^"]+)"', self.feature("target.xml")):
            for name, more in REGISTER.findall(self.feature(file)):
                said = NUMBER.search(more)
                number = int(said[1]) if said else number
                found.setdefault(name, number)
                number += 1
        return found

    def register(self, name: str) -> int:
        """The value of a register. Raises InfraError if it does not exist."""
        if name not in self.registers:
            raise InfraError(f"the emulator's GDB stub has no register {name}")
        return int.from_bytes(bytes.fromhex(self.ask(f"p{self.registers[name]:x}")), "little")

    def _receive(self) -> Iterator[str]:
        while True:
            while found := PACKET.search(self._bytes):
                self._bytes = self._bytes[found.end() :]
                yield found[1].decode("latin-1")
            self._bytes += self._lane.wait(lambda message: message.kind == NAME, "GDB's packet").data
