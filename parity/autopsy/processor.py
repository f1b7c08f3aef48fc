"""The meaning of a processor's registers, by architecture. Register names are those of QEMU's monitor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

KERNEL = 1 << 63  # kernels with user programs use the upper half of the address space


@dataclass(frozen=True)
class Processor:
    """The registers and bits of an architecture that an autopsy reads.

    `masked`: bit of `flags` that masks interrupts (`inverted`: that enables them). The `bits` of `level`
    equal `user` while a user program runs. `waits`: the instruction that waits for an interrupt; the program
    counter of a halted processor is behind it. QEMU for x86-64 also reports HLT.
    """

    counter: str
    frame: str
    flags: str
    masked: int
    inverted: bool
    level: str
    bits: int
    user: int
    waits: bytes

    def pc(self, registers: Mapping[str, int]) -> int:
        """The program counter."""
        return registers.get(self.counter, 0)

    def frame_pointer(self, registers: Mapping[str, int]) -> int:
        """The frame pointer."""
        return registers.get(self.frame, 0)

    def is_masked(self, registers: Mapping[str, int]) -> bool:
        """Whether interrupts are masked."""
        return bool(registers.get(self.flags, 0) >> self.masked & 1) is not self.inverted

    def is_user(self, registers: Mapping[str, int]) -> bool:
        """Whether the processor runs a user program."""
        return self.level in registers and registers[self.level] & self.bits == self.user

    def is_halted(self, registers: Mapping[str, int], code: Callable[[int, int], bytes]) -> bool:
        """Whether the processor waits for an interrupt; `code` gives kernel code by address and size."""
        if "HLT" in registers:
            return bool(registers["HLT"])
        size = len(self.waits)
        return code(self.pc(registers) - size, size) == self.waits


PROCESSORS = {
    "aarch64": Processor("PC", "X29", "PSTATE", 7, False, "PSTATE", 0xF, 0, bytes.fromhex("7f2003d5")),
    "x86_64": Processor("RIP", "RBP", "RFL", 9, True, "CPL", 3, 3, bytes.fromhex("f4")),
}
