"""Runs guests and reads their traces, at the end, or while counting system calls from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass

from parity.build.elf import Kernel
from parity.build.workspace import Workspace
from parity.core.errors import InfraError
from parity.guest.gdb import EXTRA, TRAP, Stub
from parity.guest.guest import GuestRun, run_guest
from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, LaneSize
from parity.guest.observer import Hook
from parity.judge.state import State
from parity.spec.machine import RunSpec
from parity.trace import memory

COUNTING_S = 300.0  # deadline; a guest that is stopped at each system call is slow


@dataclass(frozen=True)
class Entry:
    """The entry point of system calls: a symbol and an offset in bytes. `pc`: the name of the program
    counter.

    If other traps share the entry, a trap is a system call if `register` >> `shift` equals `value`.
    """

    pc: str
    symbol: str
    offset: int = 0
    register: str | None = None
    shift: int = 0
    value: int = 0


ENTRIES = {
    # The ninth vector: synchronous, from user code; ESR's exception class 0x15 is `svc`.
    "aarch64": Entry("pc", "trap_vectors", 0x400, "ESR_EL1", 26, 0x15),
    # The entry of vector 0x80; each entry has 16 bytes.
    "x86_64": Entry("rip", "trap_vectors", 0x80 * 16),
}


def traced(space: Workspace, spec: RunSpec, patterns: tuple[str, ...]) -> tuple[GuestRun, bytes]:
    """Runs one guest to its end; returns the run and the kernel's writable memory at the end.

    Raises:
        InfraError: the lane failed, or the emulator ended before the memory was read.
    """
    kernel, dumps = load(space, spec), list[bytes]()

    def keep(inspector: Inspector | None, _state: State, _lines: object) -> None:
        if inspector:
            with inspector.stopped():
                dumps.append(memory.dump(kernel, inspector.read))

    lane = _open(space, spec)
    try:
        with space.scratch() as folder:
            run = run_guest(lane, spec, patterns, folder / "recording.jsonl", Hook(keep))
    finally:
        lane.close()
    if not dumps:
        raise InfraError(f"the emulator ended before its guest's memory was read: {run.judgement.cause}")
    return run, dumps[0]


def counted(space: Workspace, spec: RunSpec) -> tuple[int, bytes]:
    """Runs one guest to its end, and stops it at each system call by the GDB stub; returns the number of
    calls and the kernel's writable memory at the end.

    Raises:
        InfraError: the lane failed, or the guest did not end.
    """
    kernel, lane = load(space, spec), _open(space, spec)
    try:
        messages = lane.run(spec, hold=True, paused=True, extra=EXTRA)
        next(messages)  # it has started
        calls = count(Stub(lane), kernel, ENTRIES[spec.arch])
        with Inspector(lane) as inspector:
            dumped = memory.dump(kernel, inspector.read)
        for _ in messages:
            pass
    finally:
        lane.close()
    return calls, dumped


def load(space: Workspace, spec: RunSpec) -> Kernel:
    """The ELF file of a guest's kernel."""
    return Kernel.parse(space.store.read(spec.kernel))


def count(stub: Stub, kernel: Kernel, entry: Entry) -> int:
    """Runs a guest to its end; returns the number of its system calls. Raises as `counted`."""
    address = kernel.symbol(entry.symbol).address + entry.offset
    stub.ask(f"Z1,{address:x},4")
    calls, deadline = 0, time.monotonic() + COUNTING_S
    stub.send("c")
    while stub.reply()[1:3] == TRAP:
        if time.monotonic() > deadline:
            raise InfraError(f"the guest did not end within {COUNTING_S:g} s, after {calls} system calls")
        calls += entry.register is None or stub.register(entry.register) >> entry.shift == entry.value
        # A step leaves the breakpoint; `c` alone would stop there again. The emulator may report a step that
        # it has not made, if something else interrupts it: repeat until the program counter has changed.
        while True:
            stub.ask("s")
            if stub.register(entry.pc) != address:
                break
        stub.send("c")
    return calls


def _open(space: Workspace, spec: RunSpec) -> DockerLane:
    size = LaneSize.of([spec], space.store)
    return DockerLane.open(space.engine, space.image("qemu").id, space.store, size)
