"""Addresses of a kernel → functions, files and lines, by the ELF file's symbols and DWARF (4 and 5)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from symbolic.debuginfo import Archive
from symbolic.exceptions import SymbolicError
from symbolic.symcache import SourceLocation, SymCache

from parity.autopsy.demangle import demangle
from parity.autopsy.findings import CodeLocation
from parity.autopsy.symbols import SymbolTable
from parity.build.elf import STUMBLES, Kernel

CAPACITY = 4  # ELF files, of ten MiB and more
# An instruction with line 0 takes the nearest line before it, at most so many bytes away.
NEAREST = 64
# The exceptions that damaged files and damaged debugging information raise.
BAD = (SymbolicError, ValueError, *STUMBLES)


class Locations:
    """The code locations of one ELF file. Raises one of BAD if the data is no ELF file."""

    def __init__(self, data: bytes) -> None:
        self.symbols = SymbolTable(data)
        self._data = data
        self._base = min((s.virtual for s in Kernel.parse(data, stripped=True).segments), default=0)

    @cached_property
    def _lines(self) -> SymCache | None:
        try:
            return next(Archive.from_bytes(self._data).iter_objects()).make_symcache()
        except (SymbolicError, StopIteration):  # no debugging information, or a damaged one
            return None

    def find(self, address: int, *, returned_to: bool = False) -> CodeLocation:
        """The location of an instruction; `returned_to`: of the call before a return address.

        If a library function was inlined into a kernel function, the location is the kernel's.
        """
        frames = self.frames(address, returned_to=returned_to)
        return next((each for each in frames if each.file and not is_library(each.file)), frames[-1])

    def frames(self, address: int, *, returned_to: bool = False) -> list[CodeLocation]:
        """The locations of an instruction in all functions inlined there, innermost first."""
        at = address - 1 if returned_to else address
        found = self._lookup(at)
        if not found:
            return [CodeLocation(address, self.symbols.function(at))]
        return [
            CodeLocation(
                address, demangle(each.symbol), *((each.full_path, each.line) if each.line else (None, None))
            )
            for each in found
        ]

    def _lookup(self, at: int) -> list[SourceLocation]:
        if self._lines is None or at < self._base:
            return []
        found: list[SourceLocation] = self._lines.lookup(at - self._base)
        for before in range(at - 1, at - NEAREST, -1):
            if not found or found[0].line or before < self._base:
                break
            nearest: list[SourceLocation] = self._lines.lookup(before - self._base)
            if [each.symbol for each in nearest] == [each.symbol for each in found]:
                found = nearest
        return found


def is_library(name: str) -> bool:
    """Whether a source file belongs to Rust's library or to a crate from a registry."""
    return "/rustlib/" in name or "index.crates.io-" in name or name.startswith("/rustc/")


@dataclass(frozen=True)
class Program:
    """A kernel's ELF file: its segments in memory, and the locations of its code."""

    kernel: Kernel
    locations: Locations


class Programs:
    """A cache of the last few ELF files by digest, because reading one takes a tenth of a second."""

    def __init__(self) -> None:
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, read: Callable[[], bytes]) -> Program:
        """The ELF file with this digest; `read` gives its content if it is not in the cache.

        Raises one of BAD or UserError if it is no ELF file, and what `read` raises.
        """
        with self._lock:
            if digest not in self._programs:
                data = read()
                self._programs[digest] = Program(Kernel.parse(data, stripped=True), Locations(data))
            self._programs.move_to_end(digest)
            while len(self._programs) > CAPACITY:
                self._programs.popitem(last=False)
            return self._programs[digest]
