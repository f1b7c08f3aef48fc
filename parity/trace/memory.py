"""A kernel's memory as readers of traces see it: what it changes from a dump, all else from its ELF file.

A dump is the kernel's writable segments (those of its ELF file that say so), whole and in order of their
addresses; there is nothing else in the file.
"""

from __future__ import annotations

from collections.abc import Callable

from parity.elf import Kernel
from parity.errors import UserError


class DumpError(UserError):
    """The bytes are not a dump of this kernel."""


def dump(kernel: Kernel, read: Callable[[int, int], bytes]) -> bytes:
    """The kernel's writable segments; `read` gives memory by physical address and size in bytes."""
    return b"".join(read(segment.physical, segment.size) for segment in kernel.writable)


class Memory:
    """Reads by virtual address."""

    def __init__(self, kernel: Kernel, dumped: bytes) -> None:
        sizes = [segment.size for segment in kernel.writable]
        if sum(sizes) != len(dumped):
            raise DumpError(f"a dump of this kernel has {sum(sizes)} bytes, this one {len(dumped)}")
        self.kernel = kernel
        self._dumped: list[tuple[int, int, bytes]] = []
        at = 0
        for segment in kernel.writable:
            self._dumped.append((segment.virtual, segment.size, dumped[at : at + segment.size]))
            at += segment.size
        constant = [(s.virtual, s.size, s.content) for s in kernel.segments if not s.writable]
        self._parts = [*constant, *self._dumped]

    def read(self, address: int, size: int) -> bytes:
        """Raises DumpError for what is not the kernel's own memory."""
        for start, length, content in self._parts:
            if start <= address and address + size <= start + length:
                piece = content[address - start : address - start + size]
                return piece + bytes(size - len(piece))
        raise DumpError(f"{size} bytes at {address:#x} are not the kernel's")

    def find(self, symbol: str, magic: bytes) -> int | None:
        """Address of what a symbol names, or, where the kernel has no symbols, of what begins like that.

        None when it has symbols and not this one, or when nothing that changes begins so.
        """
        if self.kernel.symbols:
            named = self.kernel.symbols.get(symbol)
            return named.address if named else None
        for start, _, content in self._dumped:
            at = content.find(magic)
            while at >= 0:
                if at % 8 == 0:
                    return start + at
                at = content.find(magic, at + 1)
        return None

    def number(self, address: int, size: int = 8) -> int:
        """An unsigned integer."""
        return int.from_bytes(self.read(address, size), "little")

    def text(self, address: int) -> str:
        """What an address and a length there lead to."""
        return self.read(self.number(address), self.number(address + 8)).decode(errors="replace")
