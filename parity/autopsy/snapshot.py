"""A snapshot of a guest's stopped machine: everything that an autopsy reads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from parity.autopsy import thread_table, unwind
from parity.autopsy.findings import Call, CodeLocation, Cpu, Findings, PcSample, Thread
from parity.autopsy.locations import BAD, Program
from parity.autopsy.processor import KERNEL, PROCESSORS
from parity.autopsy.sample_rules import MIN_SAMPLES
from parity.autopsy.thread_table import ThreadTable
from parity.autopsy.unwind import PAGE
from parity.core.errors import InfraError, UserError
from parity.guest.inspector import Inspector
from parity.guest.lane import LaneError, NoAnswerError
from parity.judge.serial import escape
from parity.judge.state import State
from parity.trace import reader, timeline
from parity.trace.memory import Memory, dump
from parity.trace.reader import CPU, KIND, PAYLOAD, TIMESTAMP, Event, Trace

SAMPLES, PAUSE_S = 20, 0.004  # number of samples, and how long the machine runs between two
SAMPLING_S = 0.5  # limit for all samples; a busy host takes fewer, but not fewer than MIN_SAMPLES
STANDING_S = 0.2  # if no tick came, the machine runs this long once more
TALKS_S = 1.0  # a guest without activity for this long is silent
STACKS = 64  # read the stacks of at most so many threads
EVENTS, LINES = 50, 30  # trace events per processor; console lines


class Snapshot:
    """Reads one machine, with the help of its kernel's ELF file."""

    def __init__(self, inspector: Inspector, arch: str, elf: Program) -> None:
        self._inspector, self._arch = inspector, arch
        self._processor = PROCESSORS[arch]
        self._kernel, self._locations = elf.kernel, elf.locations
        self.missing: list[str] = []

    def findings(self, state: State, console: Sequence[str]) -> Findings:
        """Reads everything that can be read. Raises InfraError if the emulator does not answer."""
        inspector = self._inspector
        running = inspector.qmp("query-status")["running"]
        if running:
            inspector.qmp("stop")
        registers = inspector.registers()
        memory = self._memory()
        table, trace = self._thread_table(memory), self._trace(memory)
        threads, cpus = self._threads_and_cpus(memory, table, registers)
        samples = self._samples() if running else ()
        watched_s = PAUSE_S * len(samples)
        if samples and table and not self._ticks(table.ticks):
            self._run(STANDING_S)
            watched_s += STANDING_S
        later = self._memory() if running else memory
        ticks = tuple(each.ticks for each in (table, self._thread_table(later) if table else None) if each)
        trace_later = self._trace(later) if trace else None
        during = _during(trace, trace_later)
        return Findings(
            **_known(self._arch, state, console),
            cpus=cpus,
            samples=samples,
            lost=self._lost(samples),
            unmapped=None if state.panic or state.console_panic else self._unmapped(samples, registers),
            table=table is not None,
            ends_noted=table is not None,
            threads=threads,
            ready=table.ready if table else 0,
            unlisted=table.unlisted if table else 0,
            ticks=ticks,
            tick_hz=table.tick_hz if table else 0,
            watched_s=watched_s,
            counted=_counted(trace, trace_later),
            during=dict(Counter(trace.name(event[KIND]) for event in during))
            if trace and trace_later
            else None,
            during_s=_seconds(trace, during) if trace else 0.0,
            calls=tuple(_calls(trace, during)) if trace else (),
            interrupts=_interrupts(trace, during) if trace else {},
            timer=_timer(trace, during) if trace else "",
            names=self._names(threads, cpus),
            events=_events(trace),
            devices=self._devices(),
            missing=tuple(dict.fromkeys(self.missing)),
        )

    def _memory(self) -> Memory | None:
        """The memory of the kernel's variables; None if the machine has no such memory."""
        try:
            return Memory(self._kernel, dump(self._kernel, self._inspector.read))
        except (NoAnswerError, LaneError):
            raise
        except InfraError as error:
            self.missing.append(f"the kernel's memory: {error.message}")
            return None

    def _thread_table(self, memory: Memory | None) -> ThreadTable | None:
        try:
            return thread_table.read(memory) if memory else None
        except (UserError, ValueError) as error:
            self.missing.append(f"threads and locks: {error}")
            return None

    def _trace(self, memory: Memory | None) -> Trace | None:
        try:
            return reader.read(memory) if memory else None
        except (UserError, ValueError) as error:
            self.missing.append(f"trace: {error}")
            return None

    def _lost(self, samples: Sequence[Sequence[PcSample]]) -> bool:
        """Whether all samples have the same address, and nothing is mapped there."""
        places = {spot.place.address for spots in samples for spot in spots if not spot.user}
        if len(places) != 1 or any(self._kernel.segment(place) for place in places):
            return False
        return not self._leads_to(places.pop(), 1)

    def _unmapped(
        self, samples: Sequence[Sequence[PcSample]], registers: Sequence[dict[str, int]]
    ) -> int | None:
        """A page of the kernel that the first processor's page table does not map, if the processors may do
        nothing but take exceptions. A kernel may leave pages of its data unmapped, but not the first one."""
        spots = [spot for spots in samples for spot in spots] or list(map(self._spot, registers))
        masked = all(spot.masked and not spot.halted for spot in spots) or not samples
        if not masked or any(spot.place.address < KERNEL for spot in spots):
            return None
        # The code that runs before the kernel enters its half may also be unmapped.
        for segment in (each for each in self._kernel.segments if each.virtual >= KERNEL):
            size = min(segment.size, PAGE) if segment.writable else segment.size
            if not self._leads_to(segment.virtual, size):
                return self._first_unmapped(segment.virtual, size)
        return None

    def _first_unmapped(self, start: int, size: int) -> int:
        """The first unmapped page in a range that has at least one."""
        while size > PAGE:
            half = (size // 2 + PAGE - 1) // PAGE * PAGE
            if self._leads_to(start, half):
                start, size = start + half, size - half
            else:
                size = half
        return start

    def _leads_to(self, address: int, size: int) -> bool:
        try:
            self._inspector.read_virtual(address, size)
        except (NoAnswerError, LaneError):
            raise
        except InfraError:
            return False
        return True

    def _devices(self) -> tuple[str, ...]:
        """The requests and answers of virtio devices, as far as this QEMU reports them."""
        lines = []
        try:
            for device in self._inspector.qmp("x-query-virtio"):
                queue = self._inspector.qmp("x-query-virtio-queue-status", path=device["path"], queue=0)
                asked, given = queue["shadow-avail-idx"], queue["used-idx"]
                lines.append(f"{device['name']}: queue 0 was asked {asked} times and has answered {given}")
        except (NoAnswerError, LaneError):
            raise
        except (InfraError, KeyError) as error:
            self.missing.append(f"devices: {error}")
        return tuple(lines)

    def _threads_and_cpus(
        self, memory: Memory | None, table: ThreadTable | None, registers: list[dict[str, int]]
    ) -> tuple[tuple[Thread, ...], tuple[Cpu, ...]]:
        stacks = unwind.Stacks(memory, list(table.stacks.values()) if table else [], self._inspector.read)
        cpus = []
        for number, cpu_registers in enumerate(registers):
            cpu = Cpu(number, self._spot(cpu_registers), self._stack(stacks, cpu_registers), cpu_registers)
            if table and number < len(table.cpus):
                noted = table.cpus[number]
                cpu = replace(
                    cpu,
                    thread=noted.thread,
                    idle=noted.idle,
                    resting=noted.resting and noted.thread == noted.idle,
                    masked_depth=noted.masked,
                    wants=noted.wants,
                    wants_site=noted.wants_site,
                    locks=noted.locks,
                )
            cpus.append(cpu)
        threads = []
        running = {cpu.thread for cpu in cpus}
        for count, thread in enumerate(table.threads if table else ()):
            stack = table.stacks[thread.id] if table else None
            if stack and stack.frame and thread.id not in running and count < STACKS:
                backs = unwind.chain(stack.frame, stacks.record)
                thread = replace(thread, stack=tuple(self._called(backs)))
            threads.append(thread)
        return tuple(threads), tuple(cpus)

    def _stack(self, stacks: unwind.Stacks, registers: dict[str, int]) -> tuple[CodeLocation, ...]:
        if self._processor.is_user(registers):
            return ()
        here = self._locations.frames(self._processor.pc(registers))
        return (*here, *self._called(unwind.chain(self._processor.frame_pointer(registers), stacks.record)))

    def _called(self, backs: list[int]) -> list[CodeLocation]:
        found: list[CodeLocation] = []
        for back in backs:
            # The frame after assembly is the location that a trap interrupted, not a return address.
            trapped = bool(found) and found[-1].file is None
            found += self._locations.frames(back, returned_to=not trapped)
        return found

    def _spot(self, registers: dict[str, int]) -> PcSample:
        processor = self._processor
        pc, user, masked = (
            processor.pc(registers),
            processor.is_user(registers),
            processor.is_masked(registers),
        )
        halted = not user and processor.is_halted(registers, self._code)
        place = CodeLocation(pc) if user else self._locations.find(pc, returned_to=halted)
        entry = masked and not user and bool(place.function) and place.file is None
        # A kernel uses frame pointers, so a frame pointer below the kernel is still the program's.
        user = user or (entry and processor.frame_pointer(registers) < KERNEL)
        return PcSample(place, user, masked, halted, entry)

    def _names(self, threads: Sequence[Thread], cpus: Sequence[Cpu]) -> dict[str, str]:
        waited = [thread.wait_on for thread in threads] + [cpu.wants for cpu in cpus]
        held = [lock.address for thread in threads for lock in thread.locks]
        held += [lock.address for cpu in cpus for lock in cpu.locks]
        named = ((at, self._locations.symbols.variable(at)) for at in (*waited, *held) if at)
        return {hex(at): name for at, name in named if name}

    def _code(self, address: int, size: int) -> bytes:
        segment = self._kernel.segment(address)
        if segment is None:
            return b""
        return segment.content[address - segment.virtual : address - segment.virtual + size]

    def _ticks(self, before: int) -> bool:
        """Whether the clock has moved; true if the kernel can no longer be read."""
        table = self._thread_table(self._memory())
        return table is None or table.ticks != before

    def _run(self, seconds: float) -> None:
        """Lets the machine run for some seconds."""
        self._inspector.qmp("cont")
        time.sleep(seconds)
        self._inspector.qmp("stop")

    def _samples(self) -> tuple[tuple[PcSample, ...], ...]:
        inspector = self._inspector
        found: list[tuple[PcSample, ...]] = []
        deadline = time.monotonic() + SAMPLING_S
        while len(found) < SAMPLES and (len(found) < MIN_SAMPLES or time.monotonic() < deadline):
            self._run(PAUSE_S)
            if inspector.qmp("query-status")["status"] == "shutdown":
                break  # the machine has ended meanwhile
            found.append(tuple(self._spot(cpu_registers) for cpu_registers in inspector.registers()))
        return tuple(found)


def findings(
    inspector: Inspector | None,
    arch: str,
    elf: Callable[[], Program],
    state: State,
    console: Sequence[str],
) -> Findings:
    """Reads a guest's machine. If the emulator does not answer, the findings hold only what the guest sent.

    `elf` gives the kernel's ELF file; `inspector` is None if the machine has already ended.
    """
    nothing = Findings(**_known(arch, state, console))
    if inspector is None:
        return replace(nothing, missing=("everything: the machine had already ended",))
    try:
        return Snapshot(inspector, arch, elf()).findings(state, console)
    except NoAnswerError as error:
        return replace(nothing, stalled=error.message)
    except (InfraError, UserError, *BAD) as error:
        return replace(nothing, missing=(f"everything: {error}",))


def _known(arch: str, state: State, console: Sequence[str]) -> dict[str, Any]:
    return {
        "arch": arch,
        "hang": state.hang,
        "hello": state.hello,
        "talks": state.sample_t - state.active_t < TALKS_S,
        "panic": state.panic or state.console_panic,
        "end": state.machine_end,
        "console": tuple(console[-LINES:]),
    }


def _counted(before: Trace | None, after: Trace | None) -> dict[str, tuple[int, ...]] | None:
    if before is None or after is None:
        return None
    later = {counter.name: counter.total for counter in after.counters}
    return {counter.name: (counter.total, later.get(counter.name, 0)) for counter in before.counters}


def _during(before: Trace | None, after: Trace | None) -> list[Event]:
    if before is None or after is None:
        return []
    last = {ring.cpu: ring.events[-1][TIMESTAMP] for ring in before.rings if ring.events}
    return [event for event in after.merged() if event[TIMESTAMP] > last.get(event[CPU], 0)]


def _calls(trace: Trace, events: Sequence[Event]) -> Iterator[Call]:
    begun: dict[tuple[int, int], str] = {}
    running: dict[int, int] = {}
    for event in events:
        name, cpu, number = trace.name(event[KIND]), event[CPU], event[PAYLOAD]
        caller = (cpu, running.get(cpu, 0))
        if name == "CTX_SWITCH_ENTRY":
            running[cpu] = number & 0xFFFF
        elif name == "SYSCALL_ENTRY":
            begun[caller] = trace.names.get(number, str(number))
        elif name == "SYSCALL_EXIT" and caller in begun:
            yield Call(begun.pop(caller), timeline.signed(number), caller[1])


def _seconds(trace: Trace, events: Sequence[Event]) -> float:
    if not events or not trace.frequency:
        return 0.0
    return (events[-1][TIMESTAMP] - events[0][TIMESTAMP]) / trace.frequency


def _interrupts(trace: Trace, events: Sequence[Event]) -> dict[str, int]:
    return dict(Counter(str(event[PAYLOAD]) for event in events if trace.name(event[KIND]) == "IRQ_ENTRY"))


def _timer(trace: Trace, events: Sequence[Event]) -> str:
    """The number of the interrupt whose handler makes ticks."""
    begun: dict[int, int] = {}
    for event in events:
        name = trace.name(event[KIND])
        if name == "IRQ_ENTRY":
            begun[event[CPU]] = event[PAYLOAD]
        elif name == "TIMER_TICK" and event[CPU] in begun:
            return str(begun[event[CPU]])
    return ""


def _events(trace: Trace | None) -> tuple[str, ...]:
    if trace is None:
        return ()
    short = replace(
        trace,
        rings=[replace(ring, events=ring.events[-EVENTS:]) for ring in trace.rings],
        frequency=trace.frequency or 1,
    )
    return tuple(escape(line) for line in timeline.lines(short))
