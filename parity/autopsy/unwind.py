"""Stacks: chains of frame records (frame pointer, return address), which also lead through traps."""

from __future__ import annotations

import struct
from collections.abc import Callable

from parity.autopsy.thread_table import Stack
from parity.core.errors import InfraError
from parity.trace.memory import DumpError, Memory

MAX_FRAMES = 48
PAGE = 4096
RECORD = struct.Struct("<QQ")


class Stacks:
    """Reads kernel memory by virtual address: the kernel's segments, and the stacks of its threads."""

    def __init__(self, memory: Memory | None, stacks: list[Stack], read: Callable[[int, int], bytes]) -> None:
        self._memory, self._read = memory, read
        self._stacks = [stack for stack in stacks if stack.physical]
        self._pages: dict[int, bytes] = {}

    def record(self, address: int) -> tuple[int, int] | None:
        """The frame record at an address; None if it cannot be read."""
        try:
            return self._record(address)
        except (DumpError, InfraError, struct.error):
            return None

    def _record(self, address: int) -> tuple[int, int]:
        for stack in self._stacks:
            if stack.start <= address and address + RECORD.size <= stack.end:
                physical = stack.physical + address - stack.start
                page = physical - physical % PAGE
                if page not in self._pages:
                    self._pages[page] = self._read(page, PAGE)
                first, second = RECORD.unpack_from(self._pages[page], physical - page)
                return first, second
        if self._memory is None:
            raise DumpError("the kernel's memory was not read")
        first, second = RECORD.unpack(self._memory.read(address, RECORD.size))
        return first, second


def chain(frame: int, record: Callable[[int], tuple[int, int] | None]) -> list[int]:
    """The return addresses from a frame pointer on, innermost first."""
    found: list[int] = []
    seen: set[int] = set()
    while frame and frame % 8 == 0 and frame not in seen and len(found) < MAX_FRAMES:
        seen.add(frame)
        pair = record(frame)
        if pair is None or not pair[1]:
            break
        frame, back = pair
        found.append(back)
    return found
