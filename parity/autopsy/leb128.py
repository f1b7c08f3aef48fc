"""LEB128: DWARF's numbers of any length, seven bits a byte, the lowest first (DWARF 4, section 7.6)."""

from __future__ import annotations


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(data: bytes, at: int) -> tuple[int, int]:
    """As `unsigned`, in two's complement."""
    start = at
    value, at = unsigned(data, at)
    bits = 7 * (at - start)
    return value - (1 << bits) if value >> (bits - 1) else value, at
