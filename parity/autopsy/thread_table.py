"""The kernel's records of its threads and processors, in the layout that its VITALS_HEADER describes.

The fields are those of kernel/abi/src/vitals.rs. A record that the kernel was writing may be torn.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

from parity.autopsy.findings import Lock, Thread
from parity.trace.memory import DumpError, Memory

MAGIC, VERSION, SYMBOL = b"PARVITAL", 2, "VITALS_HEADER"
LOCATION_BYTES = 24


@dataclass(frozen=True)
class Header:
    """Sizes and offsets in bytes, counts, and at the end addresses; in the order of the memory."""

    version: int
    header_bytes: int
    threads: int
    thread_bytes: int
    cpus: int
    cpu_bytes: int
    name_bytes: int
    held: int
    held_bytes: int
    life_at: int
    cpu_at: int
    id_at: int
    pid_at: int
    parent_at: int
    name_at: int
    frame_at: int
    stack_at: int
    stack_end_at: int
    stack_physical_at: int
    wait_at: int
    wait_on_at: int
    wait_site_at: int
    wait_until_at: int
    wait_by_at: int
    unparked_at: int
    ran_at: int
    held_count_at: int
    held_at: int
    cpu_thread_at: int
    cpu_idle_at: int
    cpu_resting_at: int
    cpu_masked_at: int
    cpu_wants_at: int
    cpu_wants_site_at: int
    cpu_held_count_at: int
    cpu_held_at: int
    lock_at: int
    lock_site_at: int
    lock_thread_at: int
    processes: int
    process_bytes: int
    process_pid_at: int
    process_more_at: int
    process_ends_at: int
    descriptors: int
    example_line: int
    example_column: int
    unlisted: int
    ready: int
    tick_hz: int
    ticks: int
    threads_address: int
    cpus_address: int
    processes_address: int
    example: int
    example_file: int
    example_file_bytes: int
    lives: int
    lives_bytes: int
    waits: int
    waits_bytes: int

    @classmethod
    def read(cls, memory: Memory) -> Self:
        """Reads the header. Raises DumpError if there is none, or if its version is unknown."""
        address = memory.find(SYMBOL, MAGIC)
        if address is None:
            raise DumpError(f"the kernel has no {SYMBOL}")
        data = memory.read(address, len(MAGIC) + HEADER.size)
        values = HEADER.unpack_from(data, len(MAGIC))
        if not data.startswith(MAGIC) or values[0] != VERSION or values[1] != len(data):
            raise DumpError(f"{SYMBOL} is not one of version {VERSION}")
        return cls(*values)


LONGS = 11
HEADER = struct.Struct(f"<{len(fields(Header)) - LONGS}I{LONGS}Q")


@dataclass(frozen=True)
class Stack:
    """The addresses of a thread's stack, and the frame pointer at its last switch (0: never switched)."""

    frame: int
    start: int
    end: int
    physical: int


@dataclass(frozen=True)
class Processor:
    """The kernel's record of a processor; the fields are those of `findings.Cpu`."""

    thread: int
    idle: int
    resting: bool
    masked: int
    wants: int
    wants_site: str
    locks: tuple[Lock, ...]


@dataclass(frozen=True)
class ThreadTable:
    """All records. `stacks` are by thread number; `ticks` is the clock, `ready` the run queue's length."""

    threads: tuple[Thread, ...]
    stacks: dict[int, Stack]
    cpus: tuple[Processor, ...]
    ticks: int
    ready: int
    unlisted: int
    tick_hz: int


class _Reader:
    def __init__(self, memory: Memory) -> None:
        self.memory, self.header = memory, Header.read(memory)
        header = self.header
        self.lives = memory.read(header.lives, header.lives_bytes).decode().split(",")
        self.waits = memory.read(header.waits, header.waits_bytes).decode().split(",")
        example = memory.read(header.example, LOCATION_BYTES)
        pointer = struct.pack("<Q", header.example_file)
        self.file_at = example.index(pointer)
        self.bytes_at = next(
            example.index(struct.pack("<Q", size))
            for size in (header.example_file_bytes, header.example_file_bytes + 1)
            if struct.pack("<Q", size) in example
        )
        rest = bytearray(example)
        for at in (self.file_at, self.bytes_at):
            rest[at : at + 8] = b"\xff" * 8
        self.line_at = rest.index(struct.pack("<I", header.example_line))
        self.ends = dict(self._ends())

    def _ends(self) -> Iterator[tuple[int, tuple[tuple[int, ...], bool]]]:
        """By process number: the waits that the process can end, and whether there may be more."""
        header = self.header
        for index in range(header.processes):
            at = header.processes_address + index * header.process_bytes
            if pid := self.number(at + header.process_pid_at, 4):
                places = range(header.descriptors)
                ends = (self.number(at + header.process_ends_at + 8 * place, 8) for place in places)
                yield pid, (tuple(filter(None, ends)), self.number(at + header.process_more_at, 4) != 0)

    def number(self, at: int, size: int) -> int:
        return self.memory.number(at, size)

    def site(self, at: int) -> str:
        """`file:line` of the Rust `Location` to which the pointer at `at` leads; empty if there is none."""
        place = self.number(at, 8)
        if not place:
            return ""
        try:
            start, size = self.number(place + self.file_at, 8), self.number(place + self.bytes_at, 8)
            name = self.memory.read(start, min(size, 512)).rstrip(b"\0").decode(errors="replace")
            return f"{name}:{self.number(place + self.line_at, 4)}"
        except DumpError:
            return ""

    def locks(self, count_at: int, first_at: int) -> tuple[Lock, ...]:
        header = self.header
        count = min(self.number(count_at, 4), header.held)
        return tuple(
            Lock(
                self.number(at + header.lock_at, 8),
                self.site(at + header.lock_site_at),
                self.number(at + header.lock_thread_at, 4),
            )
            for at in (first_at + index * header.held_bytes for index in range(count))
        )

    def word(self, names: list[str], number: int) -> str:
        return names[number] if number < len(names) else f"unknown {number}"

    def thread(self, at: int) -> tuple[Thread, Stack]:
        header = self.header
        wait = self.word(self.waits, self.number(at + header.wait_at, 4))
        waits = wait != self.waits[0]
        name = self.memory.read(at + header.name_at, header.name_bytes)
        pid = self.number(at + header.pid_at, 4)
        ends, more_ends = self.ends.get(pid, ((), False)) if pid else ((), False)
        thread = Thread(
            id=self.number(at + header.id_at, 4),
            pid=pid,
            name=name.partition(b"\0")[0].decode(errors="replace"),
            life=self.word(self.lives, self.number(at + header.life_at, 4)),
            cpu=self.number(at + header.cpu_at, 4),
            wait=wait if waits else "",
            wait_on=self.number(at + header.wait_on_at, 8) if waits else 0,
            wait_site=self.site(at + header.wait_site_at) if waits else "",
            wait_until=self.number(at + header.wait_until_at, 8) if waits else 0,
            locks=self.locks(at + header.held_count_at, at + header.held_at),
            parent=self.number(at + header.parent_at, 4),
            wait_by=self.number(at + header.wait_by_at, 4) if waits else 0,
            unparked_by=self.number(at + header.unparked_at, 4),
            ran=self.number(at + header.ran_at, 8),
            ends=ends,
            more_ends=more_ends,
        )
        places = (header.frame_at, header.stack_at, header.stack_end_at, header.stack_physical_at)
        return thread, Stack(*(self.number(at + place, 8) for place in places))

    def cpu(self, at: int) -> Processor:
        header = self.header
        wants = self.number(at + header.cpu_wants_at, 8)
        return Processor(
            thread=self.number(at + header.cpu_thread_at, 4),
            idle=self.number(at + header.cpu_idle_at, 4),
            resting=self.number(at + header.cpu_resting_at, 4) != 0,
            masked=self.number(at + header.cpu_masked_at, 4),
            wants=wants,
            wants_site=self.site(at + header.cpu_wants_site_at) if wants else "",
            locks=self.locks(at + header.cpu_held_count_at, at + header.cpu_held_at),
        )


def read(memory: Memory) -> ThreadTable:
    """Reads all records. Raises DumpError if there are none, or if they do not match their header."""
    try:
        reader = _Reader(memory)
    except (ValueError, StopIteration):
        raise DumpError(f"{SYMBOL} does not describe the layout of source locations") from None
    header = reader.header
    places = range(
        header.threads_address,
        header.threads_address + header.threads * header.thread_bytes,
        header.thread_bytes,
    )
    found = [reader.thread(at) for at in places if reader.number(at + header.life_at, 4)]
    found.sort(key=lambda each: each[0].id)
    return ThreadTable(
        threads=tuple(thread for thread, _ in found),
        stacks={thread.id: stack for thread, stack in found},
        cpus=tuple(
            reader.cpu(header.cpus_address + number * header.cpu_bytes) for number in range(header.cpus)
        ),
        ticks=header.ticks,
        ready=header.ready,
        unlisted=header.unlisted,
        tick_hz=header.tick_hz,
    )
