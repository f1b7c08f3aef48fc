"""From findings to one word and one sentence. Nothing else decides the word; nothing here decides a verdict.

Pure: the same findings give the same diagnosis. The rules, the first that fits:

    panic               the kernel said so; `double fault` or `out of memory` where its words mean that
    emulator stalled    it does not answer
    self-deadlock       a thread waits for what only it could do: for a lock that it, or the processor that it
                        spins on, holds, for its own end, at a pipe whose other end no other has
    deadlock            threads wait for each other in a circle (for locks, ends, children, pipes: waits.py),
                        or for a lock whose holder has ended, or waits for what does not come
    unknown             the machine has ended by itself without a word
    never booted        the kernel has said nothing at all
    double fault        all processors are where nothing is mapped, and fault; or in the kernel with
                        interrupts masked, and its page table does not lead to its own memory, or they do not
                        leave the entry of exceptions
    interrupt storm     one interrupt comes again and again, far more often than there is work
    clock stands        no tick comes though interrupts are let in, and a thread sleeps until one, or the
                        kernel goes round
    interrupts off      all processors are in the kernel with interrupts masked, and no clock runs
    starved             all processors wait for an interrupt, and a thread that is ready has not run for long
    deadlock            all processors wait for an interrupt, no thread is ready or waits for a time, and
                        threads park or wait at queues, so that only each other could wake them
    lost wake-up        all processors wait for an interrupt, and no thread is ready or waits for a time
    slow                something goes on: processes begin or end, the disk is read, calls give various
                        results (other than the time), or a time is waited for; it gets more time, once
    user loop           a processor is in user code most of the time, or a program asks for the same again and
                        again
    livelock            the kernel works, and nothing comes of it
    unknown             anything else
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from parity.autopsy import activity, waits
from parity.autopsy.findings import Findings, Spot, Thread
from parity.autopsy.waits import Want
from parity.autopsy.wording import (
    at_fault,
    first_function,
    function_of,
    holding,
    hungry,
    interrupted,
    lock,
    looped,
    most_often,
    outer,
    plain,
    running_name,
    thing,
    turns,
    waiting,
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
    CLOCK_STANDS = "clock stands"
    INTERRUPT_STORM = "interrupt storm"
    STARVED = "starved"
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
    ring = waits.ring(found)
    return _circle(found, ring) if ring else None


def _circle(found: Findings, ring: Sequence[Want]) -> Diagnosis:
    """The diagnosis of threads that wait for each other in a circle, or of one that waits for itself."""
    if len(ring) > 1:
        parts = (waiting(found, want) for want in ring)
        return _make(Word.DEADLOCK, "; ".join(parts), *sorted(want.site for want in ring))
    (want,) = ring
    if want.held is None:
        return _make(Word.SELF_DEADLOCK, waiting(found, want), want.site)
    what = f"{who(found, want.thread)} waits for {lock(found, want)} at {want.site}{within(found, want)}"
    itself = want.thread == want.held.thread
    taker = "which it holds itself" if itself else "which its own processor holds"
    by = "" if itself else f" by {who(found, want.held.thread)}"
    return _make(
        Word.SELF_DEADLOCK,
        f"{what}, {taker} since it was taken at {want.held.site}{by}",
        want.held.site,
        want.site,
    )


def _stuck_lock(found: Findings) -> Diagnosis | None:
    if end := waits.dead_end(found):
        want, held, holder = end
        ended = "which has ended" + ("" if holder else " or is not known any more")
        return _make(Word.DEADLOCK, f"{waiting(found, want)}, {ended}", want.site, held.site)
    if (sleep := waits.through_sleep(found)) and sleep[2].wait not in waits.ENDED_BY_MACHINE:
        want, held, holder = sleep
        return _make(
            Word.DEADLOCK,
            f"{waiting(found, want)}, which waits for {thing(found, holder)}",
            want.site,
            held.site,
            holder.wait_site,
        )
    return None


def _ended(found: Findings) -> Diagnosis | None:
    if found.hang or found.end is None:
        return None
    return _make(
        Word.UNKNOWN,
        f"the machine ended without a word ({found.end}); {whereabouts(found)}{_without_memory(found)}",
        found.end,
        first_function(found),
    )


def _without_memory(found: Findings) -> str:
    if found.unmapped is None:
        return ""
    return f"; the kernel's page table does not lead to its own memory at {found.unmapped:#x}"


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
    if found.lost or found.unmapped is not None:
        return _faults_for_ever(found, spots)
    for rule in (_storm, _clock, _masked):
        if diagnosis := rule(found, spots):
            return diagnosis
    usual = Counter(_kind(spot) for spot in spots)
    del usual["entry"]
    told = usual.total()
    if told and usual["halted"] >= MOST * told:
        return _asleep(found, spots) if found.table else None
    if (told and usual["user"] >= MOST * told) or (found.calls and not activity.progress(found)):
        return _in_user(found, spots)
    return _busy(found, spots)


def _faults_for_ever(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    at = spots[-1].place.address
    where, why = f"a processor faults for ever at {at:#x}, where nothing is mapped", ""
    if found.unmapped is not None:
        where = f"a processor faults for ever at {at:#x}"
        why = f"the kernel's page table does not lead to its own memory at {found.unmapped:#x} any more, so "
    sentence = f"{where}: {why}an exception had no way to its handler"
    return _make(Word.DOUBLE_FAULT, sentence, "page table" if why else "")


def _storm(found: Findings, spots: Sequence[Spot]) -> Diagnosis | None:
    if not (storm := activity.storm(found)):
        return None
    number, count = storm
    name = f"interrupt {number}" + (", the timer's," if number == found.timer else "")
    meanwhile = f"; it interrupts {place}" if (place := interrupted(found)) else ""
    sentence = (
        f"{name} comes again as soon as it was dealt with, {count} times in {1000 * found.during_s:.1f} ms"
    )
    return _make(Word.INTERRUPT_STORM, sentence + meanwhile, f"interrupt {number}")


def _clock(found: Findings, spots: Sequence[Spot]) -> Diagnosis | None:
    if not activity.clock_stands(found, spots):
        return None
    stands = f"the clock stands: it is at tick {found.ticks[-1]}, and none came while it was looked at"
    if sleepers := activity.timed(found):
        parts = "; ".join(f"{who(found, thread.id)} waits for {thing(found, thread)}" for thread in sleepers)
        return _make(Word.CLOCK_STANDS, f"{stands}; {parts}", *_sites(sleepers))
    place = outer(found) or looped(found, spots)
    return _make(Word.CLOCK_STANDS, f"{stands}; the kernel goes round in {place}", function_of(place))


def _masked(found: Findings, spots: Sequence[Spot]) -> Diagnosis | None:
    if not _stands(found, spots):
        return None
    if all(spot.entry for spot in spots) and _spread(spots) > SMALL_BYTES:
        sentence = "a processor takes exceptions for ever and does not get through their entry"
        return _make(Word.DOUBLE_FAULT, sentence, "entry")
    place = (outer(found) if spots[0].halted else None) or looped(found, spots)
    what = "waits for an interrupt" if spots[0].halted else "goes round"
    sentence = f"a processor {what} in {place} with interrupts off{holding(found)}"
    return _make(Word.INTERRUPTS_OFF, sentence, function_of(place))


def _sites(threads: Sequence[Thread]) -> Iterable[str]:
    return sorted({thread.wait_site for thread in threads})


def _stands(found: Findings, spots: Sequence[Spot]) -> bool:
    """Whether all is in the kernel with interrupts masked, and the clock stands."""
    if activity.rests(found) and all(spot.halted for spot in spots):
        return False
    if len(set(found.ticks)) > 1 or not all(spot.masked and not spot.user for spot in spots):
        return False
    # Where no clock is seen, one that has nothing to do may wait like that, or print like that.
    small = _spread(spots) <= SMALL_BYTES
    return bool(found.ticks) or (small and not found.talks and not any(spot.halted for spot in spots))


def _spread(spots: Sequence[Spot]) -> int:
    """Bytes between the places farthest from each other."""
    places = [spot.place.address for spot in spots]
    return max(places) - min(places)


def _kind(spot: Spot) -> str:
    if spot.user:
        return "user"
    if spot.halted:
        return "halted"
    if spot.entry:
        return "entry"
    return "masked" if spot.masked else "kernel"


def _asleep(found: Findings, spots: Sequence[Spot]) -> Diagnosis | None:
    # A time that has passed, or will not because the clock stands, wakes nobody.
    if len(set(found.ticks)) > 1 and (sleepers := activity.timed(found)):
        parts = "; ".join(f"{who(found, thread.id)} waits for {thing(found, thread)}" for thread in sleepers)
        return _make(Word.SLOW, parts, *_sites(sleepers))
    if starved := activity.starved(found):
        return _make(Word.STARVED, f"{hungry(found, starved)}, though no other runs", *_names(starved))
    if found.ready or any(thread.life == "ready" for thread in found.threads):
        return None
    if ring := waits.ring(found, guessed=True):
        return _circle(found, ring)
    return _nothing_left(found, spots)


def _nothing_left(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    """The diagnosis of a machine in which all wait, and not for each other."""
    place = outer(found) or most_often(spot.place for spot in spots)
    if not (named := _roots(found)):
        sentence = f"every processor waits for an interrupt in {place}, and no thread is left to run"
        return _make(Word.LOST_WAKE_UP, sentence, function_of(place))
    parts = "; ".join(f"{who(found, thread.id)} waits for {thing(found, thread)}" for thread in named)
    sentence = f"{parts}; nobody else runs, no time is waited for, nothing is left to wake it"
    return _make(Word.LOST_WAKE_UP, sentence, *_sites(named))


def _roots(found: Findings) -> Sequence[Thread]:
    """The threads that sleep, those first and alone that wait for no other thread."""
    asleep = [thread for thread in found.threads if thread.wait and thread.life in waits.ASLEEP]
    behind = {want.thread for want in waits.wants(found) if want.by and want.known}
    return [thread for thread in asleep if thread.id not in behind] or asleep


def _names(threads: Sequence[Thread]) -> Iterable[str]:
    return dict.fromkeys(thread.name for thread in threads)


def _in_user(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    # One that does little but call is mostly found in the kernel.
    running = sorted(found.cpus, key=lambda cpu: not cpu.spot.user)
    thread = who(found, running[0].thread) if running else "a program"
    places = sorted({spot.place.address for spot in spots if spot.user and not spot.entry}) or [0]
    where = hex(places[0]) if places[0] == places[-1] else f"{places[0]:#x} to {places[-1]:#x}"
    if progress := activity.progress(found):
        return _make(
            Word.SLOW, f"{thread} works, mostly in user code at {where}: {progress}", running_name(found)
        )
    if found.calls:
        sentence = f"{thread} goes round and only calls {activity.calls(found)}"
    else:
        sentence = f"{thread} computes in user code, at {where}, and calls nothing"
    return _make(Word.USER_LOOP, sentence + _while_ready(found), running_name(found))


def _busy(found: Findings, spots: Sequence[Spot]) -> Diagnosis:
    place = outer(found) or looped(found, spots)
    if progress := activity.progress(found):
        return _make(Word.SLOW, f"it works, mostly in {place}: {progress}", function_of(place))
    if found.during is None:
        return _make(
            Word.UNKNOWN, f"the kernel works in {place}, and does not tell at what", function_of(place)
        )
    done = [f"{count} × {name}" for name, count in found.during.items() if not name.startswith(activity.IDLE)]
    what = f"only {', '.join(done)}" if done else "nothing"
    rounds = turns(found) or f"the kernel goes round in {place}"
    sentence = f"{rounds}; while it was looked at there was {what}{_while_ready(found)}"
    return _make(Word.LIVELOCK, sentence, function_of(place))


def _while_ready(found: Findings) -> str:
    starved = activity.starved(found)
    return f"; meanwhile {hungry(found, starved)}" if starved else ""
