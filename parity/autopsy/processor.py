"""What the registers of a processor tell, by architecture; names as the emulator's monitor has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

KERNEL = 1 << 63  # kernels that have user programs live in the upper half of the addresses


@dataclass(frozen=True)
class Processor:
    """Where an architecture keeps what an autopsy asks for.

    `masked`: bit of `flags` that masks interrupts, or that lets them in where `inverted`. In `level`, these
    `bits` are `user` while a program runs. `waits`: the instruction that waits for an interrupt, behind which
    the program counter stands meanwhile; x86-64's emulator says as well whether it waits.
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
        """Whether it takes no interrupts."""
        return bool(registers.get(self.flags, 0) >> self.masked & 1) is not self.inverted

    def is_user(self, registers: Mapping[str, int]) -> bool:
        """Whether it runs a program."""
        return self.level in registers and registers[self.level] & self.bits == self.user

    def is_halted(self, registers: Mapping[str, int], code: Callable[[int, int], bytes]) -> bool:
        """Whether it waits for an interrupt; `code` gives the kernel's code by address and size."""
        if "HLT" in registers:
            return bool(registers["HLT"])
        size = len(self.waits)
        return code(self.pc(registers) - size, size) == self.waits


PROCESSORS = {
    "aarch64": Processor("PC", "X29", "PSTATE", 7, False, "PSTATE", 0xF, 0, bytes.fromhex("7f2003d5")),
    "x86_64": Processor("RIP", "RBP", "RFL", 9, True, "CPL", 3, 3, bytes.fromhex("f4")),
}
