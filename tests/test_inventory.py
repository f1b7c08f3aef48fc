"""The inventory, from a real ELF file that is made here."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from parity.build import inventory
from parity.core.errors import BuildError

TEXT = b"call FORK\ndriver console: PL011\ncall EXIT\ncall FORK\n"


def elf(section: bytes, content: bytes) -> bytes:
    """An ELF64 file with one section of that name."""
    names = b"\0" + section + b"\0.shstrtab\0"
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(2, 183, 1, 0, 0, 64 + len(content) + len(names), 0, 64, 0, 0, 64, 3, 2),
    )
    row = struct.Struct("<IIQQQQIIQQ")
    table = row.pack(*[0] * 10)
    table += row.pack(1, 1, 0, 0, 64, len(content), 0, 0, 1, 0)
    table += row.pack(len(section) + 2, 3, 0, 0, 64 + len(content), len(names), 0, 0, 1, 0)
    return header + content + names + table


def written(tmp_path: Path, content: bytes) -> Path:
    file = tmp_path / "kernel"
    file.write_bytes(content)
    return file


def test_kinds_and_names_come_from_the_section(tmp_path: Path) -> None:
    found = inventory.read(written(tmp_path, elf(b".inventory", TEXT)))
    assert found == {"call": {"EXIT": "", "FORK": ""}, "driver": {"console": "PL011"}}


def test_a_kernel_without_the_section_says_nothing(tmp_path: Path) -> None:
    assert inventory.read(written(tmp_path, elf(b".other", TEXT))) is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no ELF file", "Magic number does not match"),
        (elf(b".inventory", b"driver console: PL011\ndriver console: 16550\n"), "'PL011' and '16550'"),
        (elf(b".inventory", b"call\n"), "'call' has no name"),
        (elf(b".inventory", b"\xff\n"), "can't decode"),
    ],
)
def test_what_is_no_inventory_is_said(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(BuildError, match="cannot be read") as caught:
        inventory.read(written(tmp_path, content))
    assert complaint in str(caught.value)
