"""From addresses of a kernel to functions, files and lines, by its ELF file's symbols and DWARF."""

from __future__ import annotations

import io
from bisect import bisect_right
from functools import lru_cache

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from parity.autopsy.demangle import demangle
from parity.autopsy.findings import Place
from parity.autopsy.lines import Lines


class Places:
    """What an ELF file says of addresses. Compilation units are decoded when first asked for.

    Raises ELFError for what is no ELF file.
    """

    def __init__(self, data: bytes) -> None:
        file = ELFFile(io.BytesIO(data))
        table = file.get_section_by_name(".symtab")
        symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        named = [
            (symbol["st_info"]["type"], symbol["st_value"], symbol["st_size"], symbol.name)
            for symbol in symbols
            # $x and its like tell code from data.
            if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and not symbol.name.startswith("$")
        ]
        self._functions = sorted(rest for kind, *rest in named if kind in ("STT_FUNC", "STT_NOTYPE"))
        self._objects = sorted(rest for kind, *rest in named if kind == "STT_OBJECT")
        self._dwarf = file.get_dwarf_info() if file.has_dwarf_info() else None
        self._units = self._dwarf.get_aranges() if self._dwarf else None
        self._lines: dict[int, Lines | None] = {}

    def find(self, address: int, *, returned_to: bool = False) -> Place:
        """The place of an instruction; `returned_to`: of the call before it."""
        at = address - 1 if returned_to else address
        start, function = self._function(at)
        unit = self._units.cu_offset_at_addr(at) if self._units else None
        lines = self._unit(unit) if unit is not None else None
        found = lines.find(at, start) if lines else None
        return Place(address, function, *(found or (None, None)))

    def holder(self, address: int) -> str:
        """The variable that an address lies in; empty for the heap and the stacks."""
        at = bisect_right(self._objects, [address, 1 << 64]) - 1
        if at < 0 or not self._objects[at][0] <= address < self._objects[at][0] + self._objects[at][1]:
            return ""
        return demangle(self._objects[at][2])

    def _function(self, address: int) -> tuple[int, str]:
        at = bisect_right(self._functions, [address, 1 << 64]) - 1
        while at >= 0:
            start, size, name = self._functions[at]
            # Assembly's labels have no size.
            if address < start + size or not size:
                return start, demangle(name)
            at -= 1
            if start + (1 << 20) < address:
                break
        return address, ""

    def _unit(self, offset: int) -> Lines | None:
        if offset not in self._lines:
            assert self._dwarf is not None
            try:
                program = self._dwarf.line_program_for_CU(self._dwarf.get_CU_at(offset))
                self._lines[offset] = Lines(program) if program else None
            except (DWARFError, ELFError, ValueError, KeyError, IndexError):
                self._lines[offset] = None
        return self._lines[offset]


@lru_cache(maxsize=8)
def _of(digest: str, data: bytes) -> Places:
    return Places(data)


def places(digest: str, data: bytes) -> Places:
    """The places of an ELF file, kept by its digest while this process lives. Raises ELFError."""
    return _of(digest, data)
