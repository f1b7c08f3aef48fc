"""From findings to one word and one sentence. Nothing else decides the word; nothing here decides a verdict.

Pure: the same findings give the same diagnosis. The rules, the first that fits:

    panic               the kernel said so; `double fault` or `out of memory` where its words mean that
    emulator stalled    it does not answer
    self-deadlock       somebody waits for a lock that he, or the processor that he spins on, holds
    deadlock            threads wait for each other's locks in a circle, or for one whose holder has ended, or
                        for one whose holder waits for other threads
    unknown             the machine has ended by itself without a word
    never booted        the kernel has said nothing at all
    double fault        all processors are where nothing is mapped, and fault
    interrupts off      all processors are in the kernel with interrupts masked, and no clock runs
    lost wake-up        all processors wait for an interrupt, and no thread is ready or waits for a time
    slow                something goes on: processes begin or end, the disk is read, calls give various
                        results, or a time is waited for; it gets more time, once
    user loop           a processor is in user code most of the time, or a program asks for the same again and
                        again
    livelock            the kernel works, and nothing comes of it
    unknown             anything else
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from parity.autopsy import locks
from parity.autopsy.findings import Findings, Spot
from parity.autopsy.wording import (
    at_fault,
    first_function,
    function_of,
    holding,
    lock,
    most_often,
    outer,
    plain,
    running_name,
    thing,
    turns,
    whereabouts,
    who,
    within,
)

MOST = 0.6  # share of the samples that makes a state the usual one
SMALL_BYTES = 64  # of a loop in which nothing can be done
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


def with_panic(made: Autopsy, panic: str | None) -> Autopsy:
    """The autopsy, if what the kernel said of a panic was complete only when its machine was gone."""
    if panic is None or made.findings.panic is not None:
        return made
    return autopsy(replace(made.findings, panic=panic))


def diagnose(found: Findings) -> Diagnosis:
    """The diagnosis that follows from the findings."""
    for rule in (_panic, _stalled, _ring, _stuck_lock, _ended, _never_booted):
        if diagnosis := rule(found):
            return diagnosis
    return _by_samples(found) or _make(
        Word.UNKNOWN, f"nothing of what was seen explains it; {whereabouts(found)}", ""
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
    places = [place for cpu in found.cpus for place in at_fault(cpu.stack)][:2]
    # Of assembly there is no line; its caller has one.
    led = places if places and places[0].file is None else places[:1]
    by = f"; in {', called by '.join(map(str, led))}" if led else ""
    return _make(word, f"the kernel panicked: {found.panic}{by}", plain(found.panic))


def _stalled(found: Findings) -> Diagnosis | None:
    if found.stalled is None:
        return None
    return _make(Word.EMULATOR_STALLED, f"the emulator does not answer: {found.stalled}")


def _ring(found: Findings) -> Diagnosis | None:
    ring = locks.ring(found)
    if len(ring) == 1:
        (want,) = ring
        what = f"{who(found, want.thread)} waits for {lock(found, want)} at {want.site}{within(found, want)}"
        taker = (
            "which it holds itself" if want.thread == want.held.thread else "which its own processor holds"
        )
        by = "" if want.thread == want.held.thread else f" by {who(found, want.held.thread)}"
        return _make(
            Word.SELF_DEADLOCK,
            f"{what}, {taker} since it was taken at {want.held.site}{by}",
            want.held.site,
            want.site,
        )
    if ring:
        parts = [
            f"{who(found, want.thread)} waits at {want.site}{within(found, want)} for {lock(found, want)}, "
            f"taken at {want.held.site} by {who(found, want.held.thread)}"
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
            f"{who(found, want.thread)} waits at {want.site}{within(found, want)} for {lock(found, want)}, "
            f"taken at {want.held.site} by {who(found, want.held.thread)}, which has ended"
            + ("" if holder else " or is not known any more"),
            want.site,
            want.held.site,
        )
    if (sleep := locks.through_sleep(found)) and sleep[1].wait not in FROM_OUTSIDE:
        want, holder = sleep
        return _make(
            Word.DEADLOCK,
            f"{who(found, want.thread)} waits at {want.site}{within(found, want)} for {lock(found, want)}, "
            f"taken at {want.held.site} by {who(found, holder.id)}, "
            f"which waits for {thing(holder)}",
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
        f"the machine ended without a word ({found.end}); {whereabouts(found)}",
        found.end,
        first_function(found),
    )


def _never_booted(found: Findings) -> Diagnosis | None:
    if found.hello or any(line.strip() for line in found.console):
        return None
    return _make(
        Word.NEVER_BOOTED, f"the kernel has said nothing; {whereabouts(found)}", first_function(found)
    )


def _by_samples(found: Findings) -> Diagnosis | None:
    spots = [spot for spots in found.samples for spot in spots]
    if len(spots) < FEW:
        return None
    if found.lost:
        where = f"a processor faults for ever at {spots[-1].place.address:#x}, where nothing is mapped"
        return _make(Word.DOUBLE_FAULT, f"{where}: an exception had no way to its handler")
    if _stands(found, spots):
        usual_place = most_often(spot.place for spot in spots)
        place = (outer(found) if spots[0].halted else None) or usual_place
        what = "waits for an interrupt" if spots[0].halted else "goes round"
        sentence = f"a processor {what} in {place} with interrupts off{holding(found)}"
        return _make(Word.INTERRUPTS_OFF, sentence, function_of(place))
    usual = Counter(_kind(spot) for spot in spots)
    del usual["entry"]
    told = usual.total()
    if usual["halted"] >= MOST * told:
        return _asleep(found, spots) if found.table else None
    if usual["user"] >= MOST * told or (found.calls and not _progress(found)):
        return _in_user(found, spots)
    return _busy(found, spots)


def _stands(found: Findings, spots: Sequence[Spot]) -> bool:
    """Whether all is in the kernel with interrupts masked, and the clock stands."""
    if len(set(found.ticks)) > 1 or not all(spot.masked and not spot.user for spot in spots):
        return False
    # Where no clock is seen, one that has nothing to do may wait like that, or print like that.
    places = [spot.place.address for spot in spots]
    small = max(places) - min(places) <= SMALL_BYTES
    return bool(found.ticks) or (small and not found.talks and not any(spot.halted for spot in spots))


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
    ticking = len(set(found.ticks)) > 1
    timed = [thread for thread in waiting if ticking and thread.wait_until >= found.ticks[0]]
    if timed:
        parts = "; ".join(f"{who(found, thread.id)} waits for {thing(thread)}" for thread in timed)
        return _make(Word.SLOW, parts, *(thread.wait_site for thread in timed))
    if found.ready or any(thread.life == "ready" for thread in found.threads):
        return None
    root = locks.through_sleep(found)
    named = [root[1]] if root else waiting
    idle = most_often(spot.place for spot in spots)
    if not named:
        sentence = (
            f"every processor waits for an interrupt in {outer(found) or idle}, and no thread is left to run"
        )
        return _make(Word.LOST_WAKE_UP, sentence, function_of(outer(found) or idle))
    parts = "; ".join(f"{who(found, thread.id)} waits for {thing(thread)}" for thread in named)
    sentence = f"{parts}; nobody else runs, no time is waited for, nothing is left to wake it"
    return _make(Word.LOST_WAKE_UP, sentence, *dict.fromkeys(thread.wait_site for thread in named))


def _in_user(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    # One that does little but call is mostly found in the kernel.
    running = sorted(found.cpus, key=lambda cpu: not cpu.spot.user)
    thread = who(found, running[0].thread) if running else "a program"
    places = sorted({spot.place.address for spot in spots if spot.user and not spot.entry}) or [0]
    where = hex(places[0]) if places[0] == places[-1] else f"{places[0]:#x} to {places[-1]:#x}"
    if progress := _progress(found):
        return _make(
            Word.SLOW, f"{thread} works, mostly in user code at {where}: {progress}", running_name(found)
        )
    if found.calls:
        sentence = f"{thread} goes round and only calls {_calls(found)}"
    else:
        sentence = f"{thread} computes in user code, at {where}, and calls nothing"
    return _make(Word.USER_LOOP, sentence, running_name(found))


def _busy(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    sampled = most_often(spot.place for spot in spots if not spot.user and not spot.entry)
    place = outer(found) or sampled
    if progress := _progress(found):
        return _make(Word.SLOW, f"it works, mostly in {place}: {progress}", function_of(place))
    if found.during is None:
        return _make(
            Word.UNKNOWN, f"the kernel works in {place}, and does not tell at what", function_of(place)
        )
    done = [f"{count} × {name}" for name, count in found.during.items() if not name.startswith(IDLE)]
    what = f"only {', '.join(done)}" if done else "nothing"
    rounds = turns(found) or f"the kernel goes round in {place}"
    sentence = f"{rounds}; while it was looked at there was {what}"
    return _make(Word.LIVELOCK, sentence, function_of(place))


# Types of events: those of work that goes on, and those that come whatever is done.
WORK, IDLE = ("PROCESS_", "BLOCK_"), ("IRQ_", "TIMER_")
NAMED = 3  # calls that are named
VARIETY = 3  # different calls and results, from which on a program does more than ask again and again


def _progress(found: Findings) -> str:
    """What was done while it was looked at; empty if nothing was."""
    work = {name: count for name, count in (found.during or {}).items() if name.startswith(WORK)}
    if work:
        return ", ".join(f"{count} × {name}" for name, count in work.items())
    various = len(set(found.calls))
    return f"system calls with {various} results, such as {_calls(found)}" if various >= VARIETY else ""


def _calls(found: Findings) -> str:
    most = Counter(found.calls).most_common(NAMED)
    return ", ".join(f"{call.name} (gives {call.result}, {count} times)" for call, count in most)
