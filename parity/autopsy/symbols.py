"""An ELF file's symbol table: addresses → functions and variables. GDB's Python can also import it."""

from __future__ import annotations

import io
from bisect import bisect_right

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from parity.autopsy.demangle import demangle

LONGEST = 1 << 20  # bytes of a function


class SymbolTable:
    """The functions and variables of an ELF file. Raises ELFError if the data is no ELF file."""

    def __init__(self, data: bytes) -> None:
        table = ELFFile(io.BytesIO(data)).get_section_by_name(".symtab")
        symbols = table.iter_symbols() if isinstance(table, SymbolTableSection) else ()
        named = [
            (symbol["st_info"]["type"], symbol["st_value"], symbol["st_size"], symbol.name)
            for symbol in symbols
            # Mapping symbols such as $x separate code from data.
            if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and not symbol.name.startswith("$")
        ]
        self._functions = sorted(rest for kind, *rest in named if kind in ("STT_FUNC", "STT_NOTYPE"))
        self._objects = sorted(rest for kind, *rest in named if kind == "STT_OBJECT")

    def function(self, address: int) -> str:
        """The function that contains an instruction; empty if unknown."""
        at = bisect_right(self._functions, [address, 1 << 64]) - 1
        while at >= 0:
            start, size, name = self._functions[at]
            # Labels in assembly have no size.
            if address < start + size or not size:
                return demangle(name)
            at -= 1
            if start + LONGEST < address:
                break
        return ""

    def variable(self, address: int) -> str:
        """The variable that contains an address; empty for the heap and the stacks."""
        at = bisect_right(self._objects, [address, 1 << 64]) - 1
        if at < 0 or not self._objects[at][0] <= address < self._objects[at][0] + self._objects[at][1]:
            return ""
        return demangle(self._objects[at][2])
