"""A kernel's ELF file: its symbols, and its segments in virtual and physical memory."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from parity.core.errors import UserError

WRITABLE = 2  # PF_W
# The exceptions of pyelftools for a file that is damaged or only looks like an ELF file.
STUMBLES = (
    *(ELFError, ArithmeticError, LookupError, TypeError, AttributeError, AssertionError, MemoryError),
    struct.error,
)


@dataclass(frozen=True)
class Symbol:
    """A name's virtual address, and its size in bytes."""

    address: int
    size: int


@dataclass(frozen=True)
class Segment:
    """A part of the kernel's memory: `content` from the file, then zeros up to `size`."""

    virtual: int
    physical: int
    size: int
    writable: bool
    content: bytes


@contextmanager
def reading() -> Iterator[None]:
    """Turns the exceptions of pyelftools for a damaged file into ValueError."""
    try:
        yield
    except STUMBLES as error:
        raise ValueError(str(error) or type(error).__name__) from None


class Kernel:
    """The segments and symbols of a kernel's ELF file."""

    def __init__(self, segments: tuple[Segment, ...], symbols: dict[str, Symbol]) -> None:
        self.segments, self.symbols = segments, symbols

    @classmethod
    def parse(cls, data: bytes, name: str = "the kernel", *, stripped: bool = False) -> Self:
        """Reads an ELF file; a `stripped` one needs no symbols.

        Raises:
            UserError: the bytes are not an ELF file with symbols.
        """
        try:
            with reading():
                file = ELFFile(io.BytesIO(data))
                segments = tuple(
                    Segment(s["p_vaddr"], s["p_paddr"], s["p_memsz"], bool(s["p_flags"] & WRITABLE), s.data())
                    for s in file.iter_segments("PT_LOAD")
                )
                table = file.get_section_by_name(".symtab")
                symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
                named = [symbol for symbol in symbols if symbol.name]
        except ValueError as error:
            raise UserError(f"is not an ELF file: {error}", file=name) from None
        if not named and not stripped:
            raise UserError("it has no symbols", file=name)
        return cls(segments, {s.name: Symbol(s["st_value"], s["st_size"]) for s in named})

    def symbol(self, name: str) -> Symbol:
        """The symbol of that name.

        Raises:
            UserError: the kernel has no such symbol.
        """
        if name not in self.symbols:
            raise UserError(f"the kernel has no symbol {name}: was it built without tracing?")
        return self.symbols[name]

    def segment(self, address: int) -> Segment | None:
        """The segment that contains a virtual address."""
        return next((s for s in self.segments if 0 <= address - s.virtual < s.size), None)

    @cached_property
    def writable(self) -> tuple[Segment, ...]:
        """The writable segments, by ascending address."""
        return tuple(sorted((s for s in self.segments if s.writable), key=lambda s: s.virtual))
