"""From findings to one word and one sentence. Nothing else decides the word; nothing here decides a verdict.

Pure: the same findings give the same diagnosis. The rules, the first that fits:

    panic               the kernel said so; `double fault` or `out of memory` where its words mean that
    emulator stalled    it does not answer
    self-deadlock       somebody waits for a lock that he, or the processor that he spins on, holds
    deadlock            threads wait for each other's locks in a circle, or for one whose holder has ended, or
                        for one whose holder waits for other threads
    unknown             the machine has ended by itself without a word
    never booted        the kernel has said nothing at all
    interrupts off      a processor goes round in the kernel with interrupts masked, whenever it is looked at
    lost wake-up        all processors wait for an interrupt, and no thread is ready or waits for a time
    slow                there is progress: processes begin or end, the disk is read, calls give various
                        results, or a time is waited for
    user loop           a processor is in user code most of the time
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
    caller = next((place for cpu in found.cpus for place in _own(_behind(cpu.stack, PANICS))), None)
    by = f"; in {caller}" if caller else ""
    return _make(word, f"the kernel panicked: {found.panic}{by}", _plain(found.panic))


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


FROM_OUTSIDE = ("disk", "input", "ticks")  # waits that no other thread ends


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
    if (sleep := locks.through_sleep(found)) and sleep[1].wait not in FROM_OUTSIDE:
        want, holder = sleep
        return _make(
            Word.DEADLOCK,
            f"{_who(found, want.thread)} waits at {want.site}{_in(found, want)} for {_lock(found, want)}, "
            f"taken at {want.held.site} by {_who(found, holder.id)}, "
            f"which waits for {_thing(holder)}",
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
    ticking = len(set(found.ticks)) > 1
    if not ticking and all(spot.masked and not spot.user and not spot.halted for spot in spots):
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
    # A time that has passed, or will not because the clock stands, wakes nobody.
    now = found.ticks[-1] if len(set(found.ticks)) > 1 else None
    timed = [thread for thread in waiting if now is not None and thread.wait_until >= now]
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
    if progress := _progress(found):
        return _make(Word.SLOW, f"{thread} works, mostly in user code at {where}: {progress}", _name(found))
    calls = f"only calls {_calls(found)}" if found.calls else "calls nothing"
    return _make(Word.USER_LOOP, f"{thread} computes in user code, at {where}, and {calls}", _name(found))


def _busy(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    place = _often(spot.place for spot in spots if not spot.user and not spot.entry)
    if progress := _progress(found):
        return _make(Word.SLOW, f"it works, mostly in {place}: {progress}", _spot_key(place))
    if found.during is None:
        return _make(
            Word.UNKNOWN, f"the kernel works in {place}, and does not tell at what", _spot_key(place)
        )
    done = [f"{count} × {name}" for name, count in found.during.items() if not name.startswith(IDLE)]
    what = f"only {', '.join(done)}" if done else "nothing"
    calls = f"; of system calls only {_calls(found)}" if found.calls else ""
    sentence = f"the kernel goes round in {place}; while it was looked at there was {what}{calls}"
    return _make(Word.LIVELOCK, sentence, _spot_key(place))


# Types of events: those of work that goes on, and those that come whatever is done.
WORK, IDLE = ("PROCESS_", "BLOCK_"), ("IRQ_", "TIMER_")
VARIETY = 3  # different calls, or results of calls, from which on a program is not polling


def _progress(found: Findings) -> str:
    """What was done while it was looked at; empty if nothing was."""
    work = {name: count for name, count in (found.during or {}).items() if name.startswith(WORK)}
    if work:
        return ", ".join(f"{count} × {name}" for name, count in work.items())
    if len(set(found.calls)) >= VARIETY:
        return (
            f"{len(found.calls)} system calls with {len(set(found.calls))} results, such as {_calls(found)}"
        )
    return ""


def _calls(found: Findings) -> str:
    most = Counter(found.calls).most_common(VARIETY)
    return ", ".join(f"{call.name} (gives {call.result}, {count} times)" for call, count in most)


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
PANICS = re.compile(
    r"panicking::|panic_fmt|rust_begin_unwind|unwrap_failed|expect_failed|alloc_error|handle_error"
)
WAITS = re.compile(r"(^|::)sync::|(^|::)scheduler::|(^|::)tick::(wait|sleep)|::cpu::")


def _behind(stack: Sequence[Place], end: re.Pattern[str]) -> Sequence[Place]:
    """Those that have called, by way of others, the outermost of such functions; nothing if there is none."""
    last = max((at for at, place in enumerate(stack) if end.search(place.function)), default=len(stack))
    return stack[last + 1 :]


def _own(stack: Iterable[Place]) -> Iterable[Place]:
    """The kernel's own places, without those where any thread waits."""
    for place in stack:
        foreign = place.function.startswith(("core::", "alloc::", "std::")) or is_library(place.file or "")
        if place.function and not foreign and not WAITS.search(place.function):
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
    known = list(places)
    counted = Counter(place.function for place in known)
    if not counted:
        return Place(0)
    function = counted.most_common(1)[0][0]
    return Counter(place for place in known if place.function == function).most_common(1)[0][0]


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
