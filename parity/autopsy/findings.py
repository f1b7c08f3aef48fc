"""What an autopsy has read of a guest: data, kept as JSON, from which alone the diagnosis follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

FORMAT = 1


@dataclass(frozen=True)
class CodeLocation:
    """A point in a program: where a processor is, or will come back to. `file` is None where nobody knows."""

    address: int
    function: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.function or hex(self.address)}{where}"


@dataclass(frozen=True)
class Lock:
    """A lock that is held: its address, where in the source it was taken, by which thread."""

    address: int
    site: str
    thread: int


@dataclass(frozen=True)
class PcSample:
    """Where a processor was found: in user code, with interrupts masked, waiting for an interrupt?

    `entry`: in assembly, interrupts masked, which is where traps enter the kernel. A machine is often stopped
    just when its timer goes off, so that says little of what it does at other times; `user` is what it came
    from where that is known.
    """

    place: CodeLocation
    user: bool
    masked: bool
    halted: bool
    entry: bool = False


@dataclass(frozen=True)
class Cpu:
    """A processor: its registers by the emulator's names, and what the kernel has noted of it.

    `thread` is the number of the thread that runs (0: none, or not known), `idle` that of the one that runs
    when there is nothing to do (0: not known), `resting` whether that does run and waits for an interrupt.
    `wants` is the spin lock that it waits for.
    """

    number: int
    spot: PcSample
    stack: tuple[CodeLocation, ...]
    registers: dict[str, int]
    thread: int = 0
    masked_depth: int = 0
    wants: int = 0
    wants_site: str = ""
    locks: tuple[Lock, ...] = ()
    idle: int = 0
    resting: bool = False


@dataclass(frozen=True)
class Thread:
    """A thread as the kernel has noted it. `stack` of one that runs is its processor's.

    `life` and `wait` are the kernel's words; `wait_until` is the tick that ends the wait (0: none does),
    `wait_by` who alone can end it (0: not known, or any), a thread for a join, a process for a child.
    `parent` is its process's, `unparked_by` the thread that has unparked it since it parked (0: none), `ran`
    the tick at which it last got a processor. `ends` are the waits at pipes that its process can end, by
    their `wait_on`; `more_ends`: there may be more of them.
    """

    id: int
    pid: int
    name: str
    life: str
    cpu: int
    wait: str
    wait_on: int
    wait_site: str
    wait_until: int
    locks: tuple[Lock, ...]
    stack: tuple[CodeLocation, ...] = ()
    parent: int = 0
    wait_by: int = 0
    unparked_by: int = 0
    ran: int = 0
    ends: tuple[int, ...] = ()
    more_ends: bool = False


@dataclass(frozen=True)
class Call:
    """A system call and what it gave, by the number of the thread that made it (0: not known)."""

    name: str
    result: int
    thread: int = 0


@dataclass(frozen=True)
class Findings:
    """All that was read. `panic` are the kernel's words, `end` the emulator's for how the machine ended, None
    if it has not; `counted` are the kernel's counters before and after the samples; `missing` says what could
    not be read, and why.
    """

    arch: str
    hang: str | None  # why the judge counts it as hung
    hello: bool
    talks: bool  # it has printed or told something within the last second
    panic: str | None
    end: str | None
    cpus: tuple[Cpu, ...] = ()
    samples: tuple[tuple[PcSample, ...], ...] = ()  # by time, each of all processors
    lost: bool = False  # in all samples they are where nothing is mapped
    unmapped: int | None = None  # of the kernel, address that its page table does not lead to
    table: bool = False  # whether the kernel notes what its threads do
    ends_noted: bool = False  # and who could end their waits
    threads: tuple[Thread, ...] = ()
    ready: int = 0  # threads in the run queue
    unlisted: int = 0  # threads that the kernel's table had no room for
    ticks: tuple[int, ...] = ()  # before and after the samples
    tick_hz: int = 0  # of them per second; 0: not known
    watched_s: float = 0.0  # seconds that the machine ran in between
    counted: dict[str, tuple[int, ...]] | None = None
    during: dict[str, int] | None = None  # events of the trace while there were samples, by type
    during_s: float = 0.0  # seconds from the first of these events to the last
    calls: tuple[Call, ...] = ()  # of those, the system calls that have come back
    interrupts: dict[str, int] = field(default_factory=dict)  # of those, how often each came, by number
    timer: str = ""  # the number of the timer's
    names: dict[str, str] = field(default_factory=dict)  # of what lies at the addresses of locks
    events: tuple[str, ...] = ()  # of the trace, the last
    console: tuple[str, ...] = ()  # its last lines
    devices: tuple[str, ...] = ()
    stalled: str | None = None  # what the emulator did not answer
    missing: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, also through JSON. Raises ValueError."""
        return msgspec.convert(values, cls)
