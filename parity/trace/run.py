"""Guests whose trace is read: once at the end, or with every system call counted from outside."""

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

COUNTING_S = 300.0  # a guest that is stopped at every call is slow


@dataclass(frozen=True)
class Entry:
    """Where system calls enter the kernel: bytes behind a symbol. `pc` is what the program counter is called.

    Where other traps enter as well, `register` tells calls apart: its bits from `shift` on are `value` then.
    """

    pc: str
    symbol: str
    offset: int = 0
    register: str | None = None
    shift: int = 0
    value: int = 0


ENTRIES = {
    # The ninth vector: synchronous, from user code; ESR's class of exceptions is that of `svc`.
    "aarch64": Entry("pc", "trap_vectors", 0x400, "ESR_EL1", 26, 0x15),
    # The entry of vector 0x80; each has 16 bytes.
    "x86_64": Entry("rip", "trap_vectors", 0x80 * 16),
}


def traced(space: Workspace, spec: RunSpec, patterns: tuple[str, ...]) -> tuple[GuestRun, bytes]:
    """One guest to its end, and its kernel's writable memory then.

    Raises:
        InfraError: the lane broke, or the emulator ended before it could be looked at.
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
    """One guest to its end, stopped by the GDB stub at every entry of a system call: how many there were, and
    the kernel's writable memory at the end.

    Raises:
        InfraError: the lane broke, or the guest did not end.
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
    """What is known of the kernel that a guest runs."""
    return Kernel.parse(space.store.read(spec.kernel))


def count(stub: Stub, kernel: Kernel, entry: Entry) -> int:
    """Runs a guest to its end; how often it came by the entry for a call. Raises as `counted`."""
    address = kernel.symbol(entry.symbol).address + entry.offset
    stub.ask(f"Z1,{address:x},4")
    calls, deadline = 0, time.monotonic() + COUNTING_S
    stub.send("c")
    while stub.reply()[1:3] == TRAP:
        if time.monotonic() > deadline:
            raise InfraError(f"the guest did not end within {COUNTING_S:g} s, after {calls} system calls")
        calls += entry.register is None or stub.register(entry.register) >> entry.shift == entry.value
        # Going on from a breakpoint would only meet it again. So it would after a step that the emulator
        # calls done before it has begun, as it does when something else asks for its attention just then.
        while True:
            stub.ask("s")
            if stub.register(entry.pc) != address:
                break
        stub.send("c")
    return calls


def _open(space: Workspace, spec: RunSpec) -> DockerLane:
    size = LaneSize.of([spec], space.store)
    return DockerLane.open(space.engine, space.image("qemu").id, space.store, size)
