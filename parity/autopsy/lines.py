"""DWARF's line programs, decoded for one compilation unit at a time: which address is which line.

The format is DWARF 5, 6.2 (and 4, whose opcodes are the same); pyelftools reads the headers.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import PurePosixPath
from typing import Any

from parity.autopsy import leb128

Row = tuple[int, int, int, int]  # address, 1 (0: the end of a sequence), file, line
ADVANCE_PC, ADVANCE_LINE, SET_FILE, COPY, CONST_ADD_PC, FIXED_ADVANCE_PC = 2, 3, 4, 1, 8, 9
END_SEQUENCE, SET_ADDRESS = 1, 2


class Lines:
    """The lines of one compilation unit."""

    def __init__(self, program: Any, folder: str = "") -> None:
        """`folder`: where it was compiled, from which a registry's crate is known."""
        program.stream.seek(program.program_start_offset)
        data = program.stream.read(program.program_end_offset - program.program_start_offset)
        self._files = _files(program.header, folder)
        self._rows = sorted(_decode(data, program.header))

    def find(self, address: int, start: int) -> tuple[str, int] | None:
        """File and line of an instruction of the function that begins at `start`.

        Where that is a library's, inlined, it is the line of the function's own file that came before.
        """
        at = bisect_right(self._rows, (address, 2)) - 1
        if at < 0 or not self._rows[at][1]:
            return None
        first = None
        while at >= 0 and self._rows[at][1] and self._rows[at][0] >= start:
            _, _, number, line = self._rows[at]
            name = self._files.get(number)
            if name and line:
                if not is_library(name):
                    return name, line
                first = first or (name, line)
            at -= 1
        return first

    def exact(self, address: int) -> tuple[str, int] | None:
        """File and line of an instruction, whosever they are."""
        at = bisect_right(self._rows, (address, 2)) - 1
        while at > 0 and self._rows[at][1] and not self._rows[at][3] and self._rows[at - 1][1]:
            at -= 1  # line 0 is nobody's
        if at < 0 or not self._rows[at][1]:
            return None
        name = self._files.get(self._rows[at][2])
        return (name, self._rows[at][3]) if name else None

    def file(self, number: int) -> str | None:
        """A file by its number."""
        return self._files.get(number)


def is_library(name: str) -> bool:
    """Whether a source file is of Rust's own library, or of a crate from a registry."""
    return "/rustlib/" in name or "index.crates.io-" in name or name.startswith("/rustc/")


def _files(header: Any, folder: str) -> dict[int, str]:
    version_5 = header["version"] >= 5
    folders = [_text(each) for each in header["include_directory"]]
    found = {}
    home = folder if is_library(f"{folder}/") else ""
    for number, entry in enumerate(header["file_entry"], 0 if version_5 else 1):
        place = entry["dir_index"] if version_5 else entry["dir_index"] - 1
        # Folder 0 is that of the compilation, which our own names are told from.
        within = folders[place] if 0 <= place < len(folders) and (place or not version_5) else ""
        found[number] = str(PurePosixPath(home, within, _text(entry["name"])))
    return found


def _text(value: Any) -> str:
    value = value if isinstance(value, bytes | str) else value["DW_LNCT_path"]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _decode(data: bytes, header: Any) -> list[Row]:
    base, span, first = header["line_base"], header["line_range"], header["opcode_base"]
    step, lengths = header["minimum_instruction_length"], header["standard_opcode_lengths"]
    rows: list[Row] = []
    at, end = 0, len(data)
    address, file, line = 0, 1, 1
    while at < end:
        opcode = data[at]
        at += 1
        if opcode >= first:
            advance, more = divmod(opcode - first, span)
            address += advance * step
            line += base + more
            rows.append((address, 1, file, line))
        elif opcode == COPY:
            rows.append((address, 1, file, line))
        elif opcode == ADVANCE_PC:
            value, at = leb128.unsigned(data, at)
            address += value * step
        elif opcode == ADVANCE_LINE:
            value, at = leb128.signed(data, at)
            line += value
        elif opcode == SET_FILE:
            file, at = leb128.unsigned(data, at)
        elif opcode == CONST_ADD_PC:
            address += (255 - first) // span * step
        elif opcode == FIXED_ADVANCE_PC:
            address += int.from_bytes(data[at : at + 2], "little")
            at += 2
        elif opcode == 0:
            size, at = leb128.unsigned(data, at)
            if data[at] == END_SEQUENCE:
                rows.append((address, 0, 0, 0))
                address, file, line = 0, 1, 1
            elif data[at] == SET_ADDRESS:
                address = int.from_bytes(data[at + 1 : at + size], "little")
            at += size
        else:
            for _ in range(lengths[opcode - 1]):
                _, at = leb128.unsigned(data, at)
    return rows
