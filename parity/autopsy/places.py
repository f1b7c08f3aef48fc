"""From addresses of a kernel to functions, files and lines, by its ELF file's symbols and DWARF."""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from parity.autopsy.demangle import demangle
from parity.autopsy.findings import CodeLocation
from parity.autopsy.inlines import Inlines
from parity.autopsy.lines import Lines, is_library
from parity.build.elf import Kernel

KEPT = 4  # ELF files, of ten MiB and more
# What is met in debugging information that is damaged, or of another kind than ours.
BAD = (DWARFError, ELFError, ValueError, KeyError, IndexError, struct.error)


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
        self._known: dict[int, tuple[Lines, Inlines | None] | None] = {}

    def find(self, address: int, *, returned_to: bool = False) -> CodeLocation:
        """The place of an instruction; `returned_to`: of the call before it.

        Where a library's function was put into one of the kernel's, it is the kernel's.
        """
        frames = self.frames(address, returned_to=returned_to)
        return next((place for place in frames if not is_library(place.file or "")), frames[-1])

    def frames(self, address: int, *, returned_to: bool = False) -> list[CodeLocation]:
        """The places of an instruction in all functions put into each other there, the innermost first."""
        at = address - 1 if returned_to else address
        start, function = self._function(at)
        unit = self._unit(at)
        if unit is None:
            return [CodeLocation(address, function)]
        lines, inlines = unit
        where = lines.exact(at) if inlines else lines.find(at, start)
        found: list[CodeLocation] = []
        for call in reversed(inlines.at(at) if inlines else []):
            found.append(CodeLocation(address, demangle(call.name), *(where or (None, None))))
            file = lines.file(call.file)
            where = (file, call.line) if file else None
        return [*found, CodeLocation(address, function, *(where or (None, None)))]

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

    def _unit(self, address: int) -> tuple[Lines, Inlines | None] | None:
        offset = self._units.cu_offset_at_addr(address) if self._units else None
        if offset is None:
            return None
        if offset not in self._known:
            self._known[offset] = self._read(offset)
        return self._known[offset]

    def _read(self, offset: int) -> tuple[Lines, Inlines | None] | None:
        assert self._dwarf is not None
        try:
            unit = self._dwarf.get_CU_at(offset)
            program = self._dwarf.line_program_for_CU(unit)
            home = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
            folder = home.value.decode(errors="replace") if home else ""
            lines = Lines(program, folder) if program else None
        except BAD:
            return None
        try:
            inlines = Inlines(unit, self._dwarf)
        except BAD:
            inlines = None
        return (lines, inlines) if lines else None


@dataclass(frozen=True)
class Program:
    """A kernel's ELF file: where it lies in memory, and what is where in it."""

    kernel: Kernel
    places: Places


class Programs:
    """ELF files by their digests, the last few of which are kept: to read one takes a tenth of a second."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Program] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str, read: Callable[[], bytes]) -> Program:
        """The ELF file of that digest, which `read` gives.

        Raises one of BAD or UserError for what is no ELF file, and what `read` raises.
        """
        with self._lock:
            if digest not in self._kept:
                data = read()
                self._kept[digest] = Program(Kernel.parse(data, stripped=True), Places(data))
            self._kept.move_to_end(digest)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[digest]
