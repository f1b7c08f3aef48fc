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
        self._parts = [(s.virtual, s.size, s.content) for s in kernel.segments if not s.writable]
        at = 0
        for segment in kernel.writable:
            self._parts.append((segment.virtual, segment.size, dumped[at : at + segment.size]))
            at += segment.size

    def read(self, address: int, size: int) -> bytes:
        """Raises DumpError for what is not the kernel's own memory."""
        for start, length, content in self._parts:
            if start <= address and address + size <= start + length:
                piece = content[address - start : address - start + size]
                return piece + bytes(size - len(piece))
        raise DumpError(f"{size} bytes at {address:#x} are not the kernel's")

    def number(self, address: int, size: int = 8) -> int:
        """An unsigned integer."""
        return int.from_bytes(self.read(address, size), "little")

    def text(self, address: int) -> str:
        """What an address and a length there lead to."""
        return self.read(self.number(address), self.number(address + 8)).decode(errors="replace")
