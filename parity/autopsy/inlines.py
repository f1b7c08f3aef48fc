"""Calls that the compiler has put into their callers, from DWARF's tree of one compilation unit.

The format is DWARF 4's, chapter 7.5 and 2.17.3; pyelftools reads the abbreviations. Reading all of a tree by
pyelftools takes many seconds, so what is of no interest is skipped here by the sizes of its forms.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

from parity.autopsy import leb128

SIZES = {
    "DW_FORM_addr": 8, "DW_FORM_data1": 1, "DW_FORM_data2": 2, "DW_FORM_data4": 4, "DW_FORM_data8": 8,
    "DW_FORM_flag": 1, "DW_FORM_flag_present": 0, "DW_FORM_strp": 4, "DW_FORM_ref1": 1, "DW_FORM_ref2": 2,
    "DW_FORM_ref4": 4, "DW_FORM_ref8": 8, "DW_FORM_ref_addr": 4, "DW_FORM_sec_offset": 4,
    "DW_FORM_ref_sig8": 8,
}  # fmt: skip
LEB, BLOCK, TEXT = (
    ("DW_FORM_udata", "DW_FORM_sdata", "DW_FORM_ref_udata"),
    "DW_FORM_exprloc",
    "DW_FORM_string",
)
SIZED = {"DW_FORM_block1": 1, "DW_FORM_block2": 2, "DW_FORM_block4": 4}
LAST = 1 << 64
DEEPEST = 64


@dataclass(frozen=True)
class Call:
    """A function that was put into another one; there, the file's number and the line of the call."""

    name: str
    file: int
    line: int


@dataclass(frozen=True)
class _Shape:
    """An abbreviation: what follows its code. `size` is None where that is not the same for all."""

    tag: str
    children: bool
    fields: tuple[tuple[str, str], ...]
    size: int | None


class Inlines:
    """One compilation unit. Raises KeyError or ValueError for forms that this reader does not know."""

    def __init__(self, unit: Any, dwarf: Any) -> None:
        self._data: bytes = dwarf.debug_info_sec.stream.getvalue()
        self._text: bytes = dwarf.debug_str_sec.stream.getvalue()
        self._ranges = dwarf.debug_ranges_sec.stream.getvalue() if dwarf.debug_ranges_sec else b""
        if unit["version"] > 4:
            raise ValueError("DWARF 5")
        self._unit, self._start = unit.cu_offset, unit.cu_die_offset
        self._end = unit.cu_offset + unit["unit_length"] + unit.structs.initial_length_field_size()
        self._table = unit.get_abbrev_table()
        self._shapes: dict[int, _Shape] = {}
        _, top, _ = self._die(self._start)
        self._base = int(top.get("DW_AT_low_pc", 0))
        self._functions = sorted(self._skim())

    def at(self, address: int) -> list[Call]:
        """The calls put into each other at an instruction, the outermost first, without its own function."""
        place = bisect_right(self._functions, (address, LAST, LAST)) - 1
        if place < 0 or address >= self._functions[place][1]:
            return []
        shape, _, at = self._die(self._functions[place][2])
        found: list[Call] = []
        if shape and shape.children:
            self._children(at, address, found, True)
        return found

    def _children(self, at: int, address: int, found: list[Call], within: bool) -> int:
        """Walks over siblings, and into those that hold the address; where they end."""
        while True:
            shape, values, at = self._die(at)
            if shape is None:
                return at
            inlined = shape.tag == "DW_TAG_inlined_subroutine"
            scope = inlined or shape.tag == "DW_TAG_lexical_block"
            holds = within and scope and self._holds(values, address)
            if holds and inlined and len(found) < DEEPEST:
                origin = int(values.get("DW_AT_abstract_origin", 0))
                line, file = int(values.get("DW_AT_call_line", 0)), int(values.get("DW_AT_call_file", 0))
                found.append(Call(self._name(origin), file, line))
            if shape.children:
                at = self._children(at, address, found, holds)

    def _holds(self, values: dict[str, Any], address: int) -> bool:
        if "DW_AT_ranges" in values:
            at, base = values["DW_AT_ranges"], self._base
            while at + 16 <= len(self._ranges):
                start, end = struct.unpack_from("<QQ", self._ranges, at)
                at += 16
                if start == LAST - 1:
                    base = end
                elif not (start or end):
                    return False
                elif base + start <= address < base + end:
                    return True
            return False
        start = values.get("DW_AT_low_pc")
        return start is not None and start <= address < start + values.get("DW_AT_high_pc", 0)

    def _name(self, at: int) -> str:
        for _ in range(4):
            if not at:
                break
            _, values, _ = self._die(at)
            name = values.get("DW_AT_linkage_name") or values.get("DW_AT_name")
            if name:
                return str(name)
            at = values.get("DW_AT_abstract_origin") or values.get("DW_AT_specification") or 0
        return ""

    def _skim(self) -> list[tuple[int, int, int]]:
        """Start, end and place of every function that there is code of."""
        data, at, end, shapes = self._data, self._start, self._end, self._shapes
        found = []
        while at < end:
            begin = at
            code = data[at]
            at += 1
            if code >= 0x80:
                code, at = leb128.unsigned(data, begin)
            if not code:
                continue
            shape = shapes.get(code) or self._shape(code)
            if shape.tag == "DW_TAG_subprogram":
                _, values, at = self._die(begin)
                start, size = values.get("DW_AT_low_pc"), values.get("DW_AT_high_pc")
                if start is not None and size:
                    found.append((start, start + size, begin))
            elif shape.size is not None:
                at += shape.size
            else:
                for _, form in shape.fields:
                    at = self._skip(form, at)
        return found

    def _shape(self, code: int) -> _Shape:
        declared = self._table.get_abbrev(code)
        fields = tuple((spec.name, spec.form) for spec in declared["attr_spec"] if spec.name != "DW_AT_null")
        fields = tuple(field for field in fields if field[1] != "DW_FORM_null")
        sizes = [SIZES.get(form) for _, form in fields]
        size = sum(each or 0 for each in sizes) if None not in sizes else None
        shape = _Shape(declared["tag"], declared["children_flag"] == "DW_CHILDREN_yes", fields, size)
        self._shapes[code] = shape
        return shape

    def _die(self, at: int) -> tuple[_Shape | None, dict[str, Any], int]:
        """What stands at a place, its values, and where the next begins; None at the end of siblings."""
        code, at = leb128.unsigned(self._data, at)
        if not code:
            return None, {}, at
        shape = self._shapes.get(code) or self._shape(code)
        values: dict[str, Any] = {}
        for name, form in shape.fields:
            after = self._skip(form, at)
            if form in SIZES:
                value: Any = int.from_bytes(self._data[at:after], "little")
                if form.startswith("DW_FORM_ref") and form != "DW_FORM_ref_addr":
                    value += self._unit
                elif form == "DW_FORM_strp":
                    value = self._text[value : self._text.index(b"\0", value)].decode(errors="replace")
                values[name] = value
            elif form in LEB:
                values[name] = leb128.unsigned(self._data, at)[0]
            at = after
        return shape, values, at

    def _skip(self, form: str, at: int) -> int:
        if form in SIZES:
            return at + SIZES[form]
        if form in LEB:
            return leb128.unsigned(self._data, at)[1]
        if form in (BLOCK, "DW_FORM_block"):
            size, at = leb128.unsigned(self._data, at)
            return at + size
        if form == TEXT:
            return int(self._data.index(b"\0", at)) + 1
        width = SIZED[form]
        return at + width + int.from_bytes(self._data[at : at + width], "little")
