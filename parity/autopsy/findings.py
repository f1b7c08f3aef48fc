"""What an autopsy has read of a guest: data, kept as JSON, from which alone the diagnosis follows."""

from __future__ import annotations

import types
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

FORMAT = 1


@dataclass(frozen=True)
class Place:
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
class Spot:
    """Where a processor was found: in user code, with interrupts masked, waiting for an interrupt?

    `entry`: in assembly, interrupts masked, which is where traps enter the kernel. A machine is often stopped
    just when its timer goes off, so that says little of what it does at other times; `user` is what it came
    from where that is known.
    """

    place: Place
    user: bool
    masked: bool
    halted: bool
    entry: bool = False


@dataclass(frozen=True)
class Cpu:
    """A processor: its registers by the emulator's names, and what the kernel has noted of it.

    `thread` is the number of the thread that runs (0: none, or not known), `wants` the spin lock that it
    waits for.
    """

    number: int
    spot: Spot
    stack: tuple[Place, ...]
    registers: dict[str, int]
    thread: int = 0
    masked_depth: int = 0
    wants: int = 0
    wants_site: str = ""
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True)
class Thread:
    """A thread as the kernel has noted it. `stack` of one that runs is its processor's.

    `life` and `wait` are the kernel's words; `wait_until` is the tick that ends the wait (0: none does).
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
    stack: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Call:
    """A system call and what it gave."""

    name: str
    result: int


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
    samples: tuple[tuple[Spot, ...], ...] = ()  # by time, each of all processors
    lost: bool = False  # in all samples they are where nothing is mapped
    table: bool = False  # whether the kernel notes what its threads do
    threads: tuple[Thread, ...] = ()
    ready: int = 0  # threads in the run queue
    unlisted: int = 0  # threads that the kernel's table had no room for
    ticks: tuple[int, ...] = ()  # before and after the samples
    counted: dict[str, tuple[int, ...]] | None = None
    during: dict[str, int] | None = None  # events of the trace while there were samples, by type
    calls: tuple[Call, ...] = ()  # of those, the system calls that have come back
    names: dict[str, str] = field(default_factory=dict)  # of what lies at the addresses of locks
    events: tuple[str, ...] = ()  # of the trace, the last
    console: tuple[str, ...] = ()  # its last lines
    devices: tuple[str, ...] = ()
    stalled: str | None = None  # what the emulator did not answer
    missing: tuple[str, ...] = ()

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Self:
        """The inverse of `dataclasses.asdict`, also through JSON. Raises TypeError or ValueError."""
        made: Self = _parse(cls, values)
        return made


def _parse(kind: Any, value: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        known = {each.name for each in fields(kind)}
        return kind(**{key: _parse(hints[key], item) for key, item in value.items() if key in known})
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _parse(inner[0], value)
    if origin is tuple:
        return tuple(_parse(inner[0], item) for item in value)
    if origin is dict:
        return {key: _parse(inner[1], item) for key, item in value.items()}
    return value
