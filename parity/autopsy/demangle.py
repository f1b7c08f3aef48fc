"""Demangles Rust symbols to paths, without generic arguments, hashes and crate numbers.

The grammar of `_R…` is RFC 2603's; `_ZN…E` is the legacy scheme. Other names stay unchanged.
"""

from __future__ import annotations

import re
from functools import lru_cache

BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize",
    "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "s": "i16", "t": "u16", "u": "()",
    "v": "...", "x": "i64", "y": "u64", "z": "!", "p": "_",
}  # fmt: skip
OLD = re.compile(r"^_ZN((?:\d+[\w.$]+?)+)(?:17h[0-9a-f]{16})?E")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(maxsize=4096)
def demangle(name: str) -> str:
    """The path that a symbol encodes."""
    if name.startswith("_R"):
        try:
            return _New(name).path(2)[0]
        except (IndexError, ValueError, KeyError, RecursionError):
            return name
    if name.startswith("_ZN"):
        return _old(name)
    return name


def _old(name: str) -> str:
    at, parts = 3, []
    while match := re.compile(r"\d+").match(name, at):
        start = match.end()
        at = start + int(match[0])
        parts.append(name[start:at])
    if parts and re.fullmatch(r"h[0-9a-f]{16}", parts[-1]):
        parts.pop()
    text = "::".join(parts)
    for code, plain in (("$LT$", "<"), ("$GT$", ">"), ("$u20$", " "), ("$RF$", "&"), ("..", "::")):
        text = text.replace(code, plain)
    return text or name


class _New:
    """The parser of the new scheme. Each method takes a position, and returns a value and the next one."""

    def __init__(self, text: str) -> None:
        self.text = text

    def path(self, at: int) -> tuple[str, int]:
        tag, at = self.text[at], at + 1
        if tag == "C":
            return self.identifier(at)
        if tag == "B":
            target, end = self.number(at)
            return self.path(target + 2)[0], end
        if tag == "N":
            kind, at = self.text[at], at + 1
            outer, at = self.path(at)
            name, at = self.identifier(at)
            name = name or {"C": "{closure}", "S": "{shim}"}.get(kind, "")
            return f"{outer}::{name}" if name else outer, at
        if tag == "M":
            return self.type(self.path(self.disambiguator(at))[1])
        if tag == "X":
            name, at = self.type(self.path(self.disambiguator(at))[1])
            return name, self.path(at)[1]
        if tag == "Y":
            name, at = self.type(at)
            return name, self.path(at)[1]
        if tag == "I":
            name, at = self.path(at)
            while self.text[at] != "E":
                at = self.argument(at)
            return name, at + 1
        raise ValueError(tag)

    def argument(self, at: int) -> int:
        if self.text[at] == "L":
            return self.number(at + 1)[1]
        if self.text[at] == "K":
            return self.constant(at + 1)
        return self.type(at)[1]

    def constant(self, at: int) -> int:
        if self.text[at] == "B":
            return self.number(at + 1)[1]
        if self.text[at] == "p":
            return at + 1
        return self.text.index("_", at + 1) + 1

    def type(self, at: int) -> tuple[str, int]:
        tag = self.text[at]
        if tag in BASIC:
            return BASIC[tag], at + 1
        if tag == "B":
            target, end = self.number(at + 1)
            return self.type(target + 2)[0], end
        if tag in "RQPO":
            at += 1
            if self.text[at] == "L":
                at = self.number(at + 1)[1]
            inner, at = self.type(at)
            return {"R": "&", "Q": "&mut ", "P": "*const ", "O": "*mut "}[tag] + inner, at
        if tag == "A":
            inner, at = self.type(at + 1)
            return f"[{inner}]", self.constant(at)
        if tag == "S":
            inner, at = self.type(at + 1)
            return f"[{inner}]", at
        if tag == "T":
            parts, at = [], at + 1
            while self.text[at] != "E":
                part, at = self.type(at)
                parts.append(part)
            return f"({', '.join(parts)})", at + 1
        if tag == "D":
            return self.dynamic(at + 1)
        if tag == "F":
            return self.function(at + 1)
        return self.path(at)

    def dynamic(self, at: int) -> tuple[str, int]:
        if self.text[at] == "G":
            at = self.number(at + 1)[1]
        bounds = []
        while self.text[at] != "E":
            bound, at = self.path(at)
            while self.text[at] == "p":
                _, at = self.identifier(at + 1)
                at = self.type(at)[1]
            bounds.append(bound)
        at += 1
        if self.text[at] == "L":
            at = self.number(at + 1)[1]
        return f"dyn {' + '.join(bounds)}", at

    def function(self, at: int) -> tuple[str, int]:
        if self.text[at] == "G":
            at = self.number(at + 1)[1]
        if self.text[at] == "U":
            at += 1
        if self.text[at] == "K":
            at = at + 2 if self.text[at + 1] == "C" else self.identifier(at + 1)[1]
        while self.text[at] != "E":
            at = self.type(at)[1]
        return "fn", self.type(at + 1)[1]

    def disambiguator(self, at: int) -> int:
        return self.number(at + 1)[1] if self.text[at] == "s" else at

    def identifier(self, at: int) -> tuple[str, int]:
        at = self.disambiguator(at)
        if self.text[at] == "u":
            at += 1
        start = at
        while self.text[at].isdigit():
            at += 1
            if self.text[start] == "0":
                break
        length = int(self.text[start:at])
        if self.text[at : at + 1] == "_":
            at += 1
        return self.text[at : at + length], at + length

    def number(self, at: int) -> tuple[int, int]:
        end = self.text.index("_", at)
        value = 0
        for digit in self.text[at:end]:
            value = value * 62 + DIGITS.index(digit)
        return (value + 1 if end > at else 0), end + 1
