"""Parity's own commands in GDB. This file runs in GDB's Python and uses the same readers as an autopsy.

It reads memory by physical addresses, so it works with paging off and in each address space.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.autopsy import thread_table
from parity.autopsy.findings import Lock, Thread
from parity.autopsy.symbols import SymbolTable
from parity.build.elf import Kernel
from parity.core.errors import UserError
from parity.trace import reader, timeline
from parity.trace.memory import Memory, dump

PHYSICAL = b"Qqemu.PhyMemMode:%d"  # QEMU's packet to switch physical addresses on or off
EVENTS = 20
CONSOLE_LINES = 20


class Guest:
    """The guest that GDB is connected to. `gdb` is the module that GDB gives its scripts."""

    def __init__(self, gdb: Any, kernel: Path, console: Path) -> None:
        self._gdb, self._console, self._file = gdb, console, kernel
        self._kernel = Kernel.parse(kernel.read_bytes(), str(kernel))

    @cached_property
    def _symbols(self) -> SymbolTable:
        return SymbolTable(self._file.read_bytes())

    def read(self, address: int, size: int) -> bytes:
        """Reads memory at a physical address. Raises gdb.error while the guest runs."""
        inferior = self._gdb.selected_inferior()
        inferior.connection.send_packet(PHYSICAL % 1)
        try:
            return bytes(inferior.read_memory(address, size))
        finally:
            inferior.connection.send_packet(PHYSICAL % 0)

    def memory(self) -> Memory:
        """The current memory of the kernel."""
        return Memory(self._kernel, dump(self._kernel, self.read))

    def threads(self, _argument: str) -> list[str]:
        """All threads of the kernel: number, name, process, state, the wait and its source location."""
        found = thread_table.read(self.memory())
        return [self._thread(thread) for thread in found.threads] or ["there are no threads yet"]

    def locks(self, _argument: str) -> list[str]:
        """All held locks, with holder and source location, and all spin locks for which a processor waits."""
        found = thread_table.read(self.memory())
        held = [lock for cpu in found.cpus for lock in cpu.locks]
        held += [lock for thread in found.threads for lock in thread.locks]
        lines = [self._lock(lock) for lock in held]
        lines += [
            f"{self._name(cpu.wants)}: processor {number} waits for it at {cpu.wants_site}"
            for number, cpu in enumerate(found.cpus)
            if cpu.wants
        ]
        return lines or ["no lock is held"]

    def _thread(self, thread: Thread) -> str:
        line = f"{thread.id:4}  {thread.name:<20} pid {thread.pid:<5} {thread.life}"
        if thread.wait:
            on = f" ({self._name(thread.wait_on)})" if thread.wait_on else ""
            line += f", waits: {thread.wait}{on} at {thread.wait_site}"
        return line

    def _lock(self, lock: Lock) -> str:
        return f"{self._name(lock.address)}: held by thread {lock.thread}, taken at {lock.site}"

    def _name(self, address: int) -> str:
        return self._symbols.variable(address) or f"{address:#x}"

    def events(self, argument: str) -> list[str]:
        """The last trace events of all processors: parity events [N]"""
        if argument and not argument.isdecimal():
            raise UserError(f"a number of events expected, not {argument!r}")
        lines, count = self._trace()
        return lines[:count][-int(argument or EVENTS) :] if count else ["nothing has been traced yet"]

    def counters(self, _argument: str) -> list[str]:
        """The counters, by processor."""
        lines, count = self._trace()
        return lines[count:]

    def console(self, argument: str) -> list[str]:
        """The last lines of the guest's console: parity console [N]"""
        if argument and not argument.isdecimal():
            raise UserError(f"a number of lines expected, not {argument!r}")
        lines = self._console.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-int(argument or CONSOLE_LINES) :]

    def _trace(self) -> tuple[list[str], int]:
        trace = reader.read(self.memory())
        return list(timeline.lines(trace)), sum(len(ring.events) for ring in trace.rings)


COMMANDS = (Guest.threads, Guest.locks, Guest.events, Guest.counters, Guest.console)


def register(gdb: Any, kernel: str, console: str) -> None:
    """Registers the commands in GDB."""
    guest = Guest(gdb, Path(kernel), Path(console))
    head = {"__doc__": "Commands of Parity: the state of the kernel in the guest."}
    type("Parity", (gdb.Command,), head)("parity", gdb.COMMAND_DATA, prefix=True)
    for command in COMMANDS:
        body = {"__doc__": command.__doc__, "invoke": _invoke(gdb, guest, command)}
        type(command.__name__, (gdb.Command,), body)(f"parity {command.__name__}", gdb.COMMAND_DATA)


def _invoke(gdb: Any, guest: Guest, command: Callable[[Guest, str], list[str]]) -> Callable[..., None]:
    def invoke(_self: object, argument: str, _from_tty: bool) -> None:
        try:
            lines = command(guest, argument.strip())
        except (UserError, OSError) as error:
            raise gdb.GdbError(str(error)) from None
        gdb.write("".join(f"{line}\n" for line in lines))

    return invoke
