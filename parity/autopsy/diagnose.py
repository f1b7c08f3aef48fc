"""From findings to one word and one sentence. Nothing else decides the word; nothing here decides a verdict.

Pure: the same findings give the same diagnosis. The rules, the first that fits:

    panic               the kernel said so; `double fault` or `out of memory` where its words mean that
    emulator stalled    it does not answer
    self-deadlock       somebody waits for a lock that he, or the processor that he spins on, holds
    deadlock            threads wait for each other's locks in a circle, or for one whose holder has ended, or
                        for one whose holder waits for a child
    unknown             the machine has ended by itself without a word
    never booted        the kernel has said nothing at all
    interrupts off      a processor goes round in the kernel with interrupts masked, whenever it is looked at
    lost wake-up        all processors wait for an interrupt, and no thread is ready or waits for a time
    user loop           a processor is in user code most of the time
    slow                the kernel works, and what it counts or says grows
    livelock            the kernel works, and nothing comes of it
    unknown             anything else
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from parity.autopsy import locks
from parity.autopsy.findings import Cpu, Findings, Place, Spot, Thread
from parity.autopsy.lines import is_library
from parity.autopsy.locks import Want

MOST = 0.6  # share of the samples that makes a state the usual one
FEW = 5  # samples below which their shares say nothing


class Word(StrEnum):
    """What was wrong."""

    DEADLOCK = "deadlock"
    SELF_DEADLOCK = "self-deadlock"
    LOST_WAKE_UP = "lost wake-up"
    LIVELOCK = "livelock"
    INTERRUPTS_OFF = "interrupts off"
    PANIC = "panic"
    DOUBLE_FAULT = "double fault"
    OUT_OF_MEMORY = "out of memory"
    USER_LOOP = "user loop"
    EMULATOR_STALLED = "emulator stalled"
    NEVER_BOOTED = "never booted"
    SLOW = "slow"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Diagnosis:
    """One word, one sentence, and a signature: the same for guests that are ill of the same."""

    word: Word
    sentence: str
    signature: str


@dataclass(frozen=True)
class Autopsy:
    """What was found and what it means."""

    findings: Findings
    diagnosis: Diagnosis


def autopsy(found: Findings) -> Autopsy:
    """Findings with their diagnosis."""
    return Autopsy(found, diagnose(found))


def diagnose(found: Findings) -> Diagnosis:
    """The diagnosis that follows from the findings."""
    for rule in (_panic, _stalled, _ring, _stuck_lock, _ended, _never_booted):
        if diagnosis := rule(found):
            return diagnosis
    return _by_samples(found) or _make(
        Word.UNKNOWN, f"nothing of what was seen explains it; {_where(found)}", ""
    )


def _make(word: Word, sentence: str, *key: str) -> Diagnosis:
    """`key`: places and names that are the same in every run that is ill of this."""
    return Diagnosis(word, sentence, ": ".join([word, *(part for part in key if part)]))


OUT_OF_MEMORY = re.compile(r"out of memory|memory allocation of \d+ bytes failed|no memory", re.IGNORECASE)
DOUBLE_FAULT = re.compile(r"double.?fault|stack.?overflow", re.IGNORECASE)


def _panic(found: Findings) -> Diagnosis | None:
    if found.panic is None:
        return None
    word = Word.PANIC
    if OUT_OF_MEMORY.search(found.panic):
        word = Word.OUT_OF_MEMORY
    elif DOUBLE_FAULT.search(found.panic):
        word = Word.DOUBLE_FAULT
    caller = next((place for cpu in found.cpus for place in _own(cpu.stack, PANICS)), None)
    where = f", in {caller}" if caller else ""
    return _make(word, f"the kernel panicked{where}: {found.panic}", _plain(found.panic))


def _stalled(found: Findings) -> Diagnosis | None:
    if found.stalled is None:
        return None
    return _make(Word.EMULATOR_STALLED, f"the emulator does not answer: {found.stalled}")


def _ring(found: Findings) -> Diagnosis | None:
    ring = locks.ring(found)
    if len(ring) == 1:
        (want,) = ring
        what = f"{_who(found, want.thread)} waits for {_lock(found, want)} at {want.site}{_in(found, want)}"
        taker = (
            "which it holds itself" if want.thread == want.held.thread else "which its own processor holds"
        )
        by = "" if want.thread == want.held.thread else f" by {_who(found, want.held.thread)}"
        return _make(
            Word.SELF_DEADLOCK,
            f"{what}, {taker} since it was taken at {want.held.site}{by}",
            want.held.site,
            want.site,
        )
    if ring:
        parts = [
            f"{_who(found, want.thread)} waits at {want.site}{_in(found, want)} for {_lock(found, want)}, "
            f"taken at {want.held.site} by {_who(found, want.held.thread)}"
            for want in ring
        ]
        return _make(Word.DEADLOCK, "; ".join(parts), *sorted(want.site for want in ring))
    return None


def _stuck_lock(found: Findings) -> Diagnosis | None:
    if end := locks.dead_end(found):
        want, holder = end
        return _make(
            Word.DEADLOCK,
            f"{_who(found, want.thread)} waits at {want.site}{_in(found, want)} for {_lock(found, want)}, "
            f"taken at {want.held.site} by {_who(found, want.held.thread)}, which has ended"
            + ("" if holder else " or is not known any more"),
            want.site,
            want.held.site,
        )
    if (sleep := locks.through_sleep(found)) and sleep[1].wait == "child":
        want, holder = sleep
        return _make(
            Word.DEADLOCK,
            f"{_who(found, want.thread)} waits at {want.site}{_in(found, want)} for {_lock(found, want)}, "
            f"taken at {want.held.site} by {_who(found, holder.id)}, "
            f"which waits for a child at {holder.wait_site}",
            want.site,
            want.held.site,
            holder.wait_site,
        )
    return None


def _ended(found: Findings) -> Diagnosis | None:
    if found.hang or found.end is None:
        return None
    return _make(
        Word.UNKNOWN,
        f"the machine ended without a word ({found.end}); {_where(found)}",
        found.end,
        _key(found),
    )


def _never_booted(found: Findings) -> Diagnosis | None:
    if found.hello or any(line.strip() for line in found.console):
        return None
    return _make(Word.NEVER_BOOTED, f"the kernel has said nothing; {_where(found)}", _key(found))


def _by_samples(found: Findings) -> Diagnosis | None:
    spots = [spot for spots in found.samples for spot in spots]
    if len(spots) < FEW:
        return None
    usual = Counter(_kind(spot) for spot in spots)
    if all(spot.masked and not spot.user and not spot.halted for spot in spots):
        place = _often(spot.place for spot in spots)
        sentence = f"a processor goes round in {place} with interrupts off{_held(found)}"
        return _make(Word.INTERRUPTS_OFF, sentence, _spot_key(place))
    del usual["entry"]
    told = usual.total()
    if usual["halted"] >= MOST * told:
        return _asleep(found, spots)
    if usual["user"] >= MOST * told:
        return _in_user(found, spots)
    return _busy(found, spots)


def _kind(spot: Spot) -> str:
    if spot.user:
        return "user"
    if spot.halted:
        return "halted"
    if spot.entry:
        return "entry"
    return "masked" if spot.masked else "kernel"


def _asleep(found: Findings, spots: Sequence[Spot]) -> Diagnosis | None:
    waiting = [thread for thread in found.threads if thread.wait and thread.life in locks.ASLEEP]
    timed = [thread for thread in waiting if thread.wait_until]
    if timed:
        parts = ", ".join(f"{_who(found, thread.id)} at {thread.wait_site}" for thread in timed)
        return _make(
            Word.SLOW, f"it waits for time to pass: {parts}", *(thread.wait_site for thread in timed)
        )
    if any(thread.life == "ready" for thread in found.threads):
        return None
    root = locks.through_sleep(found)
    named = [root[1]] if root else waiting
    idle = _often(spot.place for spot in spots)
    if not named:
        sentence = (
            f"every processor waits for an interrupt in {_outer(found) or idle}, and no thread is left to run"
        )
        return _make(Word.LOST_WAKE_UP, sentence, _spot_key(_outer(found) or idle))
    parts = "; ".join(f"{_who(found, thread.id)} waits for {_thing(thread)}" for thread in named)
    sentence = f"{parts}; nobody else runs, no time is waited for, nothing is left to wake it"
    return _make(Word.LOST_WAKE_UP, sentence, *dict.fromkeys(thread.wait_site for thread in named))


def _in_user(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    thread = next((_who(found, cpu.thread) for cpu in found.cpus if cpu.spot.user), "a program")
    places = sorted({spot.place.address for spot in spots if spot.user and not spot.entry}) or [0]
    where = hex(places[0]) if places[0] == places[-1] else f"{places[0]:#x} to {places[-1]:#x}"
    return _make(
        Word.USER_LOOP, f"{thread} computes in user code, at {where}, and calls nothing", _name(found)
    )


def _busy(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    place = _often(spot.place for spot in spots if not spot.user and not spot.entry)
    grown = {
        name: after - before
        for name, (before, after) in (found.counted or {}).items()
        if after > before and ("SYSCALL" in name)
    }
    if grown:
        done = ", ".join(f"{name} by {more}" for name, more in grown.items())
        return _make(
            Word.SLOW, f"it works, mostly in {place}: while it was looked at, {done}", _spot_key(place)
        )
    return _make(Word.LIVELOCK, f"the kernel works in {place}, and nothing comes of it", _spot_key(place))


# Text for people.


def _who(found: Findings, number: int) -> str:
    thread = next((thread for thread in found.threads if thread.id == number), None)
    if thread is None:
        return f"thread {number}" if number else "the boot code"
    process = f", process {thread.pid}" if thread.pid else ""
    return f"thread {number} ({thread.name}{process})"


def _lock(found: Findings, want: Want) -> str:
    name = found.names.get(hex(want.address))
    return f"the {want.kind} in {name}" if name else f"the {want.kind} at {want.address:#x}"


def _thing(thread: Thread) -> str:
    place = next(iter(_own(thread.stack)), None)
    where = f", in {place.function}" if place and place.function else ""
    return f"{thread.wait} at {thread.wait_site}{where}"


def _in(found: Findings, want: Want) -> str:
    stack = _stack(found, want.thread)
    exact = (place for place in stack if f"{place.file}:{place.line}" == want.site)
    place = next(exact, None) or next(iter(_own(stack)), None)
    return f" (in {place.function})" if place and place.function else ""


def _stack(found: Findings, number: int) -> Sequence[Place]:
    cpu = next((cpu for cpu in found.cpus if cpu.thread == number), None)
    if cpu:
        return cpu.stack
    return next((thread.stack for thread in found.threads if thread.id == number), ())


# Functions that are the same whatever was the matter.
PANICS = re.compile(r"panic|rust_begin_unwind|::power::|unwrap_failed|expect_failed|alloc_error|handle_error")
WAITS = re.compile(r"(^|::)sync::|(^|::)scheduler::|(^|::)tick::wait|_core::|^core::|::cpu::")


def _own(stack: Iterable[Place], others: re.Pattern[str] = WAITS) -> Iterable[Place]:
    """The kernel's own places, without those on the way to the end of it."""
    for place in stack:
        foreign = place.function.startswith(("core::", "alloc::", "std::")) or is_library(place.file or "")
        if place.function and not foreign and not others.search(place.function):
            yield place


def _outer(found: Findings) -> Place | None:
    return next((place for cpu in found.cpus for place in _own(cpu.stack)), None)


def _where(found: Findings) -> str:
    if not found.cpus:
        return "the processors were not seen"
    return "; ".join(f"cpu {cpu.number} is in {_cpu_place(cpu)}" for cpu in found.cpus)


def _cpu_place(cpu: Cpu) -> str:
    if cpu.spot.user:
        return f"user code at {cpu.spot.place.address:#x}"
    return str(next(iter(_own(cpu.stack)), cpu.spot.place))


def _held(found: Findings) -> str:
    held = [lock.site for cpu in found.cpus for lock in cpu.locks]
    return f", holding locks taken at {', '.join(held)}" if held else ""


def _often(places: Iterable[Place]) -> Place:
    counted = Counter(places)
    return counted.most_common(1)[0][0] if counted else Place(0)


def _key(found: Findings) -> str:
    return _spot_key(found.cpus[0].spot.place) if found.cpus else ""


def _spot_key(place: Place) -> str:
    return place.function or (f"{place.file}:{place.line}" if place.file else "")


def _name(found: Findings) -> str:
    running = {cpu.thread for cpu in found.cpus}
    return next((thread.name for thread in found.threads if thread.id in running), "")


def _plain(text: str) -> str:
    """Without the numbers that differ from run to run; places in a source stay."""
    plain = re.sub(r"0x[0-9a-fA-F]+", "#", text)
    return re.sub(r"(?<![\w:.])\d+(\.\d+)?\b(?!:)", "#", plain)
