"""ELF files that a tree has made are not trusted: they are read, or refused."""

from __future__ import annotations

import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parity.build import disk, inventory
from parity.build.elf import Kernel
from parity.core.errors import ParityError

HEADER, FILES = 64, 200


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The same with some bytes changed, most of them in headers; sometimes cut."""
    changed = bytearray(data)
    tables = struct.unpack_from("<Q", data, 0x28)[0]  # e_shoff
    for _ in range(chance.choice([1, 2, 4, 16])):
        place = chance.choice([0, HEADER, tables]) + chance.randrange(HEADER)
        for at in range(place, min(place + chance.choice([1, 4, 8]), len(data))):
            changed[at] = chance.choice([0, 255, chance.randrange(256)])
    return bytes(changed[: chance.randrange(len(data))] if chance.random() < 0.1 else changed)


@pytest.mark.parametrize("reader", ["loadable", "kernel", "inventory"])
def test_a_damaged_elf_file_is_read_or_refused(tmp_path: Path, reader: str) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance, place = random.Random(seed), tmp_path / "elf"
    readers: dict[str, Callable[[bytes], object]] = {
        "loadable": disk.loadable,
        "kernel": lambda data: Kernel.parse(data, stripped=True).writable,
        "inventory": lambda _: inventory.read(place),
    }
    whole = Path("/bin/true" if Path("/bin/true").exists() else sys.executable).read_bytes()
    for _ in range(FILES):
        data = mutated(whole, chance)
        place.write_bytes(data)
        try:
            readers[reader](data)
        except ParityError as error:
            assert "\n" not in error.message
