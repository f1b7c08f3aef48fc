"""ELF files that were changed: read as they must be, or refused in one line."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bare_guest
import frames
import pytest

from parity.autopsy.locations import BAD, Programs
from parity.build import disk, elf, inventory
from parity.core.errors import ParityError

pytestmark = pytest.mark.attack

ROUNDS = [300, pytest.param(50_000, marks=[pytest.mark.thorough, pytest.mark.timeout(3600)])]
WHOLE = bare_guest.elf([(bare_guest.CHANNEL, frames.good_run())], bare_guest.End.POWER_OFF, "x86_64")
ODD = (b"\0", b"\xff", b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0" * 8, b"\x80\0\0\0")
READERS: dict[str, Callable[[Path], Any]] = {
    "symbols": lambda place: elf.Kernel.parse(place.read_bytes(), stripped=True).writable,
    "loadable": lambda place: disk.loadable(place.read_bytes()),
    "inventory": inventory.read,
    "autopsy": lambda place: located(place.read_bytes()),
}


def located(data: bytes) -> None:
    """What an autopsy finds out about an address, or that it finds nothing out."""
    with contextlib.suppress(*BAD):
        Programs().get("a program", lambda: data).locations.find(0x10_0000)


def changed(chance: random.Random) -> bytes:
    """An ELF file of which some bytes, mostly of its headers, are others; or one that is cut."""
    data = WHOLE
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(chance.choice([64, 176, len(data)]))
        new = chance.choice(ODD)
        data = data[:at] + new + data[at + len(new) :]
    return data[: chance.randrange(len(data))] if chance.random() < 0.1 else data


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("name", READERS)
def test_elf_files_that_were_changed_are_read_or_refused(name: str, rounds: int, tmp_path: Path) -> None:
    place = tmp_path / "elf"
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for number in range(rounds):
        place.write_bytes(changed(chance))
        try:
            READERS[name](place)
        except ParityError:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error
