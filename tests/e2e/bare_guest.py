"""The smallest aarch64 guests: ELF files of a dozen instructions, assembled here, so that the lane can be
tried with any behaviour without a compiler or a kernel.

A guest writes bytes to its console and its result channel, in order, then does the last thing it does.
"""

import struct
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

LOAD_ADDRESS = 0x4020_0000
CONSOLE, CHANNEL = 0x0900_0000, 0x0904_0000  # the two PL011 of QEMU's `virt`


class End(Enum):
    """The last thing a guest does."""

    POWER_OFF = "power off"
    RESET = "reset"
    SPIN = "spin with interrupts off"
    SLEEP = "wait for an interrupt that never comes"
    FLOOD = "write to the console without end"


def elf(writes: Sequence[tuple[int, bytes]], end: End) -> bytes:
    """An ELF file for `-kernel` that writes each (port, bytes) and then ends so."""
    tail = _end(end)
    words_before_data = sum(_write_length(data) for _, data in writes) + len(tail)
    address = LOAD_ADDRESS + 4 * words_before_data
    code: list[int] = []
    for port, data in writes:
        if data:
            code += _write(port, address, len(data))
            address += len(data)
    text = struct.pack(f"<{words_before_data}I", *code, *tail) + b"".join(data for _, data in writes)
    return _elf_header(len(text)) + text


def save(path: Path, writes: Sequence[tuple[int, bytes]], end: End) -> Path:
    """Write such a guest to `path`, readable by a lane."""
    path.write_bytes(elf(writes, end))
    path.chmod(0o644)
    return path


def _set_register(register: int, value: int) -> list[int]:
    """movz, movk: a 32-bit value."""
    low, high = value & 0xFFFF, value >> 16
    return [0xD2800000 | low << 5 | register, 0xF2A00000 | high << 5 | register]


def _write(port: int, address: int, count: int) -> list[int]:
    copy = [0x38401422, 0xB9000002, 0xF1000463, 0x54FFFFA1]  # ldrb w2,[x1],#1; str w2,[x0]; subs x3; b.ne
    return [*_set_register(0, port), *_set_register(1, address), *_set_register(3, count), *copy]


def _write_length(data: bytes) -> int:
    return len(_write(0, 0, 1)) if data else 0


def _end(end: End) -> list[int]:
    match end:
        case End.POWER_OFF:
            return [*_set_register(0, 0x8400_0008), 0xD4000002]  # PSCI SYSTEM_OFF; hvc #0
        case End.RESET:
            return [*_set_register(0, 0x8400_0009), 0xD4000002]
        case End.SPIN:
            return [0xD5034FDF, 0x14000000]  # msr daifset, #15; b .
        case End.SLEEP:
            return [0xD5034FDF, 0xD503207F, 0x17FFFFFF]  # msr daifset, #15; wfi; b back
        case End.FLOOD:
            return [*_set_register(0, CONSOLE), *_set_register(2, ord("x")), 0xB9000002, 0x17FFFFFF]


def _elf_header(size: int) -> bytes:
    offset = 64 + 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,  # executable
        183,  # AArch64
        1,
        LOAD_ADDRESS,
        64,
        0,
        0,
        64,
        56,
        1,
        64,
        0,
        0,
    )
    return header + struct.pack("<IIQQQQQQ", 1, 7, offset, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 16)
