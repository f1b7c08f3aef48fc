"""The kernel's notes of its threads, read from memory made here byte by byte; lines of DWARF's programs."""

from __future__ import annotations

import struct
from dataclasses import fields

import pytest

from parity.autopsy import vitals
from parity.autopsy.findings import Lock
from parity.autopsy.lines import Lines
from parity.autopsy.unwind import Stacks
from parity.autopsy.vitals import HEADER, MAGIC, Header, Stack
from parity.elf import Kernel, Segment, Symbol
from parity.trace.memory import DumpError, Memory

BASE, PHYSICAL = 0xFFFF_0000_4020_0000, 0x4020_0000
FREE, SLEEPING, MUTEX = 0, 4, 2
THREAD, CPU, LOCK, PROCESS = 232, 96, 24, 32


class Image:
    """A kernel's memory in the making."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.symbols: dict[str, Symbol] = {}

    def put(self, data: bytes) -> int:
        self.bytes += bytes(-len(self.bytes) % 16)
        address = BASE + len(self.bytes)
        self.bytes += data
        return address

    def site(self, file: bytes, line: int, *, zero: int = 0) -> int:
        """A place in the source as the compiler keeps it, here line first; `zero`: bytes behind its name."""
        name = self.put(file + bytes(zero))
        return self.put(struct.pack("<IIQQ", line, 7, name, len(file) + zero))


def image(threads: int = 3, version: int = 2, *, zero: int = 0) -> Memory:
    """A kernel with one thread that sleeps on the mutex it holds, and a processor that holds a spin lock."""
    made = Image()
    taken, waited = made.site(b"take.rs", 11, zero=zero), made.site(b"wait.rs", 22, zero=zero)
    thread = bytearray(THREAD)
    struct.pack_into("<4I", thread, 0, SLEEPING, 0, 5, 2)
    thread[16:24] = b"/bin/cat"
    struct.pack_into("<4Q", thread, 56, 0x1000, 0x2000, 0x4000, 0x8000)
    struct.pack_into("<I4xQQQ", thread, 88, MUTEX, 0xA, waited, 99)
    struct.pack_into("<I4xQQI", thread, 120, 1, 0xA, taken, 5)
    struct.pack_into("<4IQ", thread, 200, 1, 7, 8, 0, 55)
    cpu = bytearray(CPU)
    struct.pack_into("<IIQQ", cpu, 0, 5, 1, 0xB, waited)
    struct.pack_into("<I4xQQI", cpu, 24, 1, 0xB, taken, 4)
    struct.pack_into("<II", cpu, 56, 5, 1)
    processes = [struct.pack("<4x3IQQ", *each) for each in ((2, 1, 0, 0, 0xC), (0, 0, 0, 9, 9))]
    lives, waits = b"free,ready,running,dozing,sleeping,ended", b"nothing,queue,mutex"
    example = made.site(b"here.rs", 1234, zero=zero)
    numbers = {
        "version": version, "header_bytes": len(MAGIC) + HEADER.size, "threads": threads,
        "thread_bytes": THREAD, "cpus": 1, "cpu_bytes": CPU, "name_bytes": 40, "held": 2, "held_bytes": LOCK,
        "life_at": 0, "cpu_at": 4, "id_at": 8, "pid_at": 12, "parent_at": 200,
        "name_at": 16, "frame_at": 56, "stack_at": 64, "stack_end_at": 72,
        "stack_physical_at": 80, "wait_at": 88, "wait_on_at": 96, "wait_site_at": 104,
        "wait_until_at": 112, "wait_by_at": 204, "unparked_at": 208, "ran_at": 216,
        "cpu_idle_at": 56, "cpu_resting_at": 60,
        "processes": 2, "process_bytes": PROCESS, "process_pid_at": 4,
        "process_more_at": 8, "process_ends_at": 16, "descriptors": 2,
        "processes_address": made.put(b"".join(processes)),
        "held_count_at": 120, "held_at": 128, "cpu_thread_at": 0, "cpu_masked_at": 4,
        "cpu_wants_at": 8, "cpu_wants_site_at": 16, "cpu_held_count_at": 24, "cpu_held_at": 32, "lock_at": 0,
        "lock_site_at": 8, "lock_thread_at": 16, "example_line": 1234, "example_column": 7, "unlisted": 6,
        "ready": 3, "tick_hz": 200, "ticks": 77,
        "threads_address": made.put(bytes(THREAD) + bytes(thread) + bytes(THREAD)),
        "cpus_address": made.put(bytes(cpu)), "example": example,
        "example_file": struct.unpack_from("<Q", made.bytes, example - BASE + 8)[0], "example_file_bytes": 7,
        "lives": made.put(lives), "lives_bytes": len(lives), "waits": made.put(waits),
        "waits_bytes": len(waits),
    }  # fmt: skip
    header = made.put(MAGIC + HEADER.pack(*(numbers[field.name] for field in fields(Header))))
    segment = Segment(BASE, PHYSICAL, len(made.bytes), True, b"")
    return Memory(Kernel((segment,), {"VITALS_HEADER": Symbol(header, 8)}), bytes(made.bytes))


@pytest.mark.parametrize("zero", [0, 1])
def test_threads_processors_and_locks_are_read(zero: int) -> None:
    found = vitals.read(image(zero=zero))
    (thread,) = found.threads
    assert (thread.id, thread.pid, thread.name, thread.life) == (5, 2, "/bin/cat", "sleeping")
    assert (thread.wait, thread.wait_on, thread.wait_site, thread.wait_until) == (
        "mutex",
        0xA,
        "wait.rs:22",
        99,
    )
    assert thread.locks == (Lock(0xA, "take.rs:11", 5),)
    assert (thread.parent, thread.wait_by, thread.unparked_by, thread.ran) == (1, 7, 8, 55)
    assert (thread.ends, thread.more_ends) == ((0xC,), True)
    assert found.stacks == {5: Stack(0x1000, 0x2000, 0x4000, 0x8000)}
    (cpu,) = found.cpus
    assert (cpu.idle, cpu.resting) == (5, True)
    assert (cpu.thread, cpu.masked, cpu.wants, cpu.wants_site) == (5, 1, 0xB, "wait.rs:22")
    assert cpu.locks == (Lock(0xB, "take.rs:11", 4),)
    assert (found.ticks, found.tick_hz, found.ready, found.unlisted) == (77, 200, 3, 6)


def test_another_version_and_a_kernel_without_notes_are_told() -> None:
    with pytest.raises(DumpError, match="not one of version 2"):
        vitals.read(image(version=1))
    memory = image()
    del memory.kernel.symbols["VITALS_HEADER"]
    memory.kernel.symbols["another"] = Symbol(0, 0)
    with pytest.raises(DumpError, match="no VITALS_HEADER"):
        vitals.read(memory)
    with pytest.raises(DumpError, match="are not the kernel's"):
        vitals.read(image(threads=1000))


def test_the_notes_of_a_kernel_without_symbols_are_found_by_what_they_begin_with() -> None:
    memory, stripped = image(), image()
    stripped.kernel.symbols.clear()
    assert vitals.read(stripped) == vitals.read(memory)
    empty = Segment(BASE, PHYSICAL, 64, True, b"")
    with pytest.raises(DumpError, match="no VITALS_HEADER"):
        vitals.read(Memory(Kernel((empty,), {}), b" PARVITAL".ljust(64)))


def test_a_stack_is_read_where_it_lies_in_physical_memory() -> None:
    asked = []

    def read(address: int, size: int) -> bytes:
        asked.append((address, size))
        return struct.pack("<QQ", address, size) * (size // 16)

    stacks = Stacks(image(), [Stack(0, 0x10_0000, 0x10_4000, 0x7_0000)], read)
    assert stacks.record(0x10_1000) == (0x7_1000, 4096)
    assert stacks.record(0x10_1010) == (0x7_1000, 4096)
    assert asked == [(0x7_1000, 4096)]
    assert stacks.record(0x10_3FF8) is None
    assert stacks.record(0x20_0000) is None


class Program:
    """A line program as pyelftools gives it."""

    def __init__(self, code: bytes) -> None:
        import io

        self.stream, self.program_start_offset, self.program_end_offset = io.BytesIO(code), 0, len(code)
        self.header = {
            "version": 4, "line_base": -5, "line_range": 14, "opcode_base": 13, "default_is_stmt": 1,
            "minimum_instruction_length": 4, "standard_opcode_lengths": [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1],
            "include_directory": [b"kernel/src", b"/usr/lib/rustlib/src"],
            "file_entry": [{"name": b"a.rs", "dir_index": 1}, {"name": b"hint.rs", "dir_index": 2}],
        }  # fmt: skip


def test_lines_are_those_of_the_kernels_own_files() -> None:
    address = b"\x00\x09\x02" + struct.pack("<Q", 0x1000)
    code = (
        address
        + b"\x03\x09\x01"  # line 10, a row
        + b"\x02\x02\x04\x02\x03\x76\x01"  # 8 bytes on: file 2, 10 lines back, which is no line
        + bytes([13 + 14 * 1 + 5 + 7])  # 4 bytes on, 7 lines down
        + b"\x02\x01\x00\x01\x01"  # 4 bytes on, the end
    )
    lines = Lines(Program(code))
    assert lines.exact(0x1000) == lines.exact(0x1004) == ("kernel/src/a.rs", 10)
    assert lines.exact(0x1008) == ("kernel/src/a.rs", 10)
    assert lines.exact(0x100C) == ("/usr/lib/rustlib/src/hint.rs", 7)
    assert lines.find(0x100C, 0x1000) == ("kernel/src/a.rs", 10)
    assert lines.find(0x100C, 0x100C) == ("/usr/lib/rustlib/src/hint.rs", 7)
    assert lines.exact(0x1010) is None
    assert lines.exact(0xFFF) is None
