"""A kernel's memory: writable segments from a dump, all other segments from the ELF file.

A dump contains only the writable segments of the ELF file, complete and in the order of their addresses.
"""

from __future__ import annotations

from collections.abc import Callable

from parity.build.elf import Kernel
from parity.core.errors import UserError


class DumpError(UserError):
    """The bytes are no dump of this kernel."""


def dump(kernel: Kernel, read: Callable[[int, int], bytes]) -> bytes:
    """Reads the kernel's writable segments. `read` gives memory by physical address and size in bytes."""
    return b"".join(read(segment.physical, segment.size) for segment in kernel.writable)


class Memory:
    """Reads the kernel's memory by virtual address."""

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
        """`size` bytes at an address. Raises DumpError if they are outside the kernel's segments."""
        for start, length, content in self._parts:
            if start <= address and address + size <= start + length:
                piece = content[address - start : address - start + size]
                return piece + bytes(size - len(piece))
        raise DumpError(f"{size} bytes at {address:#x} are not the kernel's")

    def find(self, symbol: str, magic: bytes) -> int | None:
        """The address of a symbol; in a kernel without symbols, of the data that starts with `magic`.

        None if the symbol is missing, or if no writable data starts with `magic`.
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
        """The unsigned integer of `size` bytes at an address."""
        return int.from_bytes(self.read(address, size), "little")

    def text(self, address: int) -> str:
        """The text to which a pointer and a length at an address lead."""
        return self.read(self.number(address), self.number(address + 8)).decode(errors="replace")
