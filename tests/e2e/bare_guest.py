"""The smallest guests: ELF files of a dozen instructions, assembled here, so that the lane can be tried
with any behaviour without a compiler or a kernel.

A guest writes bytes to its console and its result channel, in order, then does the last thing it does.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

Segment = tuple[int, bytes]  # type of a program header, content
LOAD, NOTE = 1, 4


class Port(Enum):
    """What a guest writes to."""

    CONSOLE = "console"
    CHANNEL = "result channel"


CONSOLE, CHANNEL = Port


class End(Enum):
    """The last thing a guest does."""

    POWER_OFF = "power off"
    RESET = "reset"
    SPIN = "spin with interrupts off"
    SLEEP = "wait for an interrupt that never comes"
    FLOOD = "write to the console without end"
    EXIT_ZERO = "power off, x86-64: with 0, of which the emulator makes its own status 1"


@dataclass(frozen=True)
class Arch:
    """How a guest is put together for one architecture."""

    elf_machine: int
    load_address: int
    write: Callable[[Port, int, int], bytes]  # port, address and number of the bytes
    end: Callable[[End], bytes]
    note: bytes = b""


def elf(writes: Sequence[tuple[Port, bytes]], end: End, arch: str = "aarch64") -> bytes:
    """An ELF file for `-kernel` that writes each (port, bytes) and then ends so."""
    target = ARCHS[arch]
    writes = [(port, data) for port, data in writes if data]
    tail = target.end(end)
    address = target.load_address + len(writes) * len(target.write(Port.CONSOLE, 0, 1)) + len(tail)
    code = b""
    for port, data in writes:
        code += target.write(port, address, len(data))
        address += len(data)
    text = code + tail + b"".join(data for _, data in writes)
    notes = [(NOTE, target.note)] if target.note else []
    return _elf(target, [(LOAD, text), *notes])


def save(path: Path, writes: Sequence[tuple[Port, bytes]], end: End) -> Path:
    """Write such a guest to `path`, readable by a lane."""
    path.write_bytes(elf(writes, end))
    path.chmod(0o644)
    return path


def _elf(target: Arch, segments: Sequence[Segment]) -> bytes:
    offset = 64 + 56 * len(segments)
    headers, content = b"", b""
    for kind, data in segments:
        address = target.load_address if kind == LOAD else 0
        size, place = len(data), offset + len(content)
        headers += struct.pack("<IIQQQQQQ", kind, 7, place, address, address, size, size, 4)
        content += data
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2,  # executable
        target.elf_machine,
        1,
        target.load_address,
        64,
        0,
        0,
        64,
        56,
        len(segments),
        64,
        0,
        0,
    )
    return header + headers + content


def _aarch64_write(port: Port, address: int, count: int) -> bytes:
    device = {CONSOLE: 0x0900_0000, CHANNEL: 0x0904_0000}[port]  # the two PL011 of QEMU's `virt`
    copy = [0x38401422, 0xB9000002, 0xF1000463, 0x54FFFFA1]  # ldrb w2,[x1],#1; str w2,[x0]; subs x3; b.ne
    return _words(*_register(0, device), *_register(1, address), *_register(3, count), *copy)


def _aarch64_end(end: End) -> bytes:
    match end:
        case End.POWER_OFF:
            return _words(*_register(0, 0x8400_0008), 0xD4000002)  # PSCI SYSTEM_OFF; hvc #0
        case End.RESET:
            return _words(*_register(0, 0x8400_0009), 0xD4000002)
        case End.SPIN:
            return _words(0xD5034FDF, 0x14000000)  # msr daifset, #15; b .
        case End.SLEEP:
            return _words(0xD5034FDF, 0xD503207F, 0x17FFFFFF)  # msr daifset, #15; wfi; b back
        case End.FLOOD:
            return _words(*_register(0, 0x0900_0000), *_register(2, ord("x")), 0xB9000002, 0x17FFFFFF)
        case End.EXIT_ZERO:
            raise ValueError(end)


def _register(register: int, value: int) -> list[int]:
    """movz, movk: a 32-bit value."""
    low, high = value & 0xFFFF, value >> 16
    return [0xD2800000 | low << 5 | register, 0xF2A00000 | high << 5 | register]


def _words(*instructions: int) -> bytes:
    return struct.pack(f"<{len(instructions)}I", *instructions)


# QEMU enters at the address in this note (Xen's PHYS32_ENTRY), in 32-bit protected mode.
X86_ENTRY = 0x10_0000
X86_NOTE = struct.pack("<III4sI", 4, 4, 18, b"Xen", X86_ENTRY)
X86_HALT = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp back


def _x86_64_write(port: Port, address: int, count: int) -> bytes:
    number = {CONSOLE: 0x3F8, CHANNEL: 0xE9}[port]
    return _x86_set(0xBE, address) + _x86_set(0xB9, count) + _x86_port(number) + b"\xfc\xf3\x6e"  # rep outsb


def _x86_64_end(end: End) -> bytes:
    match end:
        case End.POWER_OFF:
            return _x86_set(0xB8, 0x2A) + _x86_port(0x501) + b"\xef" + X86_HALT  # out dx, eax
        case End.EXIT_ZERO:
            return _x86_set(0xB8, 0) + _x86_port(0x501) + b"\xef" + X86_HALT
        case End.RESET:  # push 0; push 0; lidt [esp]; int3, for which there is no gate, nor for what follows
            return _x86_set(0xBC, 2 * X86_ENTRY) + b"\x6a\x00\x6a\x00\x0f\x01\x1c\x24\xcc" + X86_HALT
        case End.SPIN:
            return b"\xfa\xeb\xfe"  # cli; jmp .
        case End.SLEEP:
            return X86_HALT
        case End.FLOOD:
            return b"\xb0x" + _x86_port(0x3F8) + b"\xee\xeb\xfd"  # mov al, 'x'; out dx, al; jmp back


def _x86_set(opcode: int, value: int) -> bytes:
    """mov to the register that the opcode says: a 32-bit value."""
    return struct.pack("<BI", opcode, value)


def _x86_port(number: int) -> bytes:
    return b"\x66\xba" + struct.pack("<H", number)  # mov dx, number


ARCHS = {
    "aarch64": Arch(183, 0x4020_0000, _aarch64_write, _aarch64_end),
    "x86_64": Arch(62, X86_ENTRY, _x86_64_write, _x86_64_end, X86_NOTE),
}
