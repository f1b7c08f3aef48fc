"""The data that an autopsy reads of a guest. It is stored as JSON; the diagnosis follows from it alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

FORMAT = 1


@dataclass(frozen=True)
class CodeLocation:
    """A location in a program: where a processor is, or will return to. `file` is None if unknown."""

    address: int
    function: str = ""
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        where = f" ({self.file}:{self.line})" if self.file else ""
        return f"{self.function or hex(self.address)}{where}"


@dataclass(frozen=True)
class Lock:
    """A held lock: its address, the source location where it was taken, and the thread that took it."""

    address: int
    site: str
    thread: int


@dataclass(frozen=True)
class PcSample:
    """A sample of a processor: its location, and whether it is in user code, masks interrupts, is halted.

    `entry`: it is in assembly with interrupts masked, where traps enter the kernel. The timer often stops a
    machine there, so such a sample says little about its usual work; `user` then refers to the interrupted
    code, if known.
    """

    place: CodeLocation
    user: bool
    masked: bool
    halted: bool
    entry: bool = False


@dataclass(frozen=True)
class Cpu:
    """A processor: its registers by the emulator's names, and the kernel's records of it.

    `thread` is the number of the running thread (0: none, or unknown), `idle` that of the idle thread (0:
    unknown); `resting`: the idle thread runs and waits for an interrupt. `wants` is the address of the spin
    lock for which the processor waits (0: none), `wants_site` the source location of that wait.
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
    """A thread as the kernel records it. A running thread has no `stack` here; see its processor.

    `life` (its state) and `wait` are the kernel's names. `wait_until` is the tick that ends the wait (0: no
    timeout). `wait_by` is the only one that can end it (0: unknown, or any): a thread for a join, a process
    for a child. `parent` is the parent of its process, `unparked_by` the thread that has unparked it since it
    parked (0: none), `ran` the tick at which it last got a processor. `ends` are the pipes, by `wait_on`, at
    which its process can end a wait; `more_ends`: there may be more.
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
    """A system call, its result, and the number of the thread that made it (0: unknown)."""

    name: str
    result: int
    thread: int = 0


@dataclass(frozen=True)
class Findings:
    """Everything that was read. `panic` is the kernel's message, `end` QEMU's reason for the machine's end
    (None: it runs), `counted` the kernel's counters before and after the samples. `missing` lists what could
    not be read, and why.
    """

    arch: str
    hang: str | None  # the judge's reason to count it as hung
    hello: bool
    talks: bool  # it has sent console text or a record within the last second
    panic: str | None
    end: str | None
    cpus: tuple[Cpu, ...] = ()
    samples: tuple[tuple[PcSample, ...], ...] = ()  # in order of time, each of all processors
    lost: bool = False  # in all samples the processors are at an unmapped address
    unmapped: int | None = None  # an address of the kernel that its page table does not map
    table: bool = False  # the kernel has a thread table
    ends_noted: bool = False  # the table also records which threads could end a wait
    threads: tuple[Thread, ...] = ()
    ready: int = 0  # threads in the run queue
    unlisted: int = 0  # threads for which the kernel's table has no room
    ticks: tuple[int, ...] = ()  # before and after the samples
    tick_hz: int = 0  # ticks per second; 0: unknown
    watched_s: float = 0.0  # seconds that the machine ran between the two values of `ticks`
    counted: dict[str, tuple[int, ...]] | None = None
    during: dict[str, int] | None = None  # trace events during the sampling, by type
    during_s: float = 0.0  # seconds from the first of these events to the last
    calls: tuple[Call, ...] = ()  # the system calls among them that have returned
    interrupts: dict[str, int] = field(default_factory=dict)  # the interrupts among them: count by number
    timer: str = ""  # the number of the timer interrupt
    names: dict[str, str] = field(default_factory=dict)  # variables at the addresses of locks and waits
    events: tuple[str, ...] = ()  # the last trace events
    console: tuple[str, ...] = ()  # the last lines of the console
    devices: tuple[str, ...] = ()
    stalled: str | None = None  # the request that the emulator did not answer
    missing: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, also through JSON. Raises ValueError."""
        return msgspec.convert(values, cls)
