"""An autopsy as text, for the log of its guest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from parity.autopsy.diagnose import Autopsy
from parity.autopsy.findings import CodeLocation, Cpu, Findings, Lock, PcSample, Thread
from parity.judge.serial import escape


def render(autopsy: Autopsy) -> str:
    """The complete autopsy as text."""
    return "".join(f"{escape(line)}\n" for line in _lines(autopsy))


def _lines(autopsy: Autopsy) -> Iterator[str]:
    found, diagnosis = autopsy.findings, autopsy.diagnosis
    yield f"autopsy: {diagnosis.kind}"
    yield f"  {diagnosis.sentence}"
    for what in found.missing:
        yield f"  not read: {what}"
    for cpu in found.cpus:
        yield from _cpu(cpu, found)
    if found.samples:
        yield f"locations of the processors in {len(found.samples)} samples:"
        counted = Counter(_spot(spot) for spots in found.samples for spot in spots)
        yield from (f"  {count:3}  {spot}" for spot, count in counted.most_common())
    if found.threads:
        more = f", and {found.unlisted} more without an entry in the kernel's table" if found.unlisted else ""
        yield f"threads ({found.ready} in the run queue{more}):"
    for thread in found.threads:
        yield from _thread(thread, found)
    yield from found.devices
    if len(found.ticks) > 1:
        each = f" of {found.tick_hz} a second" if found.tick_hz else ""
        yield f"clock: tick {' -> '.join(map(str, found.ticks))}{each}, in {found.watched_s:.3f} s"
    if found.interrupts:
        counts = ", ".join(f"{count} × {number}" for number, count in found.interrupts.items())
        yield f"interrupts during the samples: {counts}" + (
            f"; {found.timer} is the timer's" if found.timer else ""
        )
    if found.counted:
        yield "counters, before and after the samples:"
        for name, values in found.counted.items():
            yield f"  {name}: {' -> '.join(map(str, values))}"
    if found.events:
        yield "the last events of the trace:"
        yield from (f"  {line}" for line in found.events)


def _cpu(cpu: Cpu, found: Findings) -> Iterator[str]:
    thread = f", thread {cpu.thread}" if cpu.thread else ""
    yield f"cpu {cpu.number}{thread}: {_spot(cpu.spot)}"
    if cpu.wants:
        yield f"  waits for the spin lock {_named(cpu.wants, found)} at {cpu.wants_site}"
    yield from _held(cpu.locks, found)
    yield from _stack(cpu.stack)
    values = [f"{name}={value:x}" for name, value in cpu.registers.items()]
    yield from (f"  {'  '.join(values[at : at + 6])}" for at in range(0, len(values), 6))


def _thread(thread: Thread, found: Findings) -> Iterator[str]:
    process = f", process {thread.pid}" if thread.pid else ""
    yield f"  {thread.id} {thread.name}{process}: {thread.life}{_wait(thread, found)}"
    for line in (*_held(thread.locks, found), *_stack(thread.stack)):
        yield f"  {line}"


def _wait(thread: Thread, found: Findings) -> str:
    if not thread.wait:
        return ""
    until = (
        f" until tick {thread.wait_until} of {found.ticks[0]}" if thread.wait_until and found.ticks else ""
    )
    return f", waits for {thread.wait} {_named(thread.wait_on, found)} at {thread.wait_site}{until}"


def _held(locks: Sequence[Lock], found: Findings) -> Iterator[str]:
    for lock in locks:
        yield f"  holds {_named(lock.address, found)}, taken at {lock.site} by thread {lock.thread}"


def _named(address: int, found: Findings) -> str:
    name = found.names.get(hex(address))
    return f"{address:#x} ({name})" if name else f"{address:#x}"


def _stack(stack: Sequence[CodeLocation]) -> Iterator[str]:
    for place, caller in zip_longest(stack, stack[1:]):
        inlined = " (inlined)" if caller and caller.address == place.address else ""
        yield f"    {place.address:#x}  {place}{inlined}"


def _spot(spot: PcSample) -> str:
    where = f"user code at {spot.place.address:#x}" if spot.user else str(spot.place)
    flags = (("interrupts off", spot.masked), ("halted", spot.halted), ("taking a trap", spot.entry))
    states = [name for name, on in flags if on]
    return ", ".join([where, *states])
