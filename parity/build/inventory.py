"""The parts of a kernel, from the section `.inventory` of its ELF file (kernel/libs/inventory).

A line is a kind (one word), a space and a name. A colon and the implementation on this architecture can
follow: `call FORK`, `driver console: PL011`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile

from parity.build.elf import reading
from parity.core.errors import BuildError

SECTION = ".inventory"

Inventory = Mapping[str, Mapping[str, str]]
"""Kind → name → implementation, or ""."""


def read(elf: Path) -> Inventory | None:
    """The inventory of a kernel; None if it has none.

    Raises:
        BuildError: the file is not an ELF file, or the section is not an inventory.
    """
    try:
        # Read from memory, because a damaged ELF file can contain offsets at which reading a file fails.
        with reading():
            section = ELFFile(io.BytesIO(elf.read_bytes())).get_section_by_name(SECTION)
            return None if section is None else parse(section.data().decode("utf-8"))
    except ValueError as error:
        raise BuildError(f"the kernel's inventory cannot be read: {error}") from None


def parse(text: str) -> Inventory:
    """The entries of a section's text; the same line twice is one entry.

    Raises:
        ValueError: a line without a name, or a name with two implementations.
    """
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        name, _, what = rest.partition(": ")
        if not name:
            raise ValueError(f"{line!r} has no name")
        if found.setdefault(kind, {}).setdefault(name, what) != what:
            raise ValueError(f"{kind} {name} is {found[kind][name]!r} and {what!r}")
    return {kind: dict(sorted(names.items())) for kind, names in found.items()}
