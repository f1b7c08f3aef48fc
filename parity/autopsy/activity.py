"""What went on while a guest was looked at: its work, its calls, its interrupts, its clock. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parity.autopsy.findings import Call, Findings, PcSample, Thread
from parity.autopsy.waits import ASLEEP, idle

# Types of events: those of work that goes on, and those that come whatever is done.
WORK, IDLE = ("PROCESS_", "BLOCK_"), ("IRQ_", "TIMER_")
NAMED = 3  # calls that are named
VARIETY = 3  # different calls and results, from which on a program does more than ask again and again
ROUNDS = 2  # after which the same calls in the same order are a loop
# Calls whose results change by themselves, and those that only wait.
CLOCKS = ("get_time", "gettimeofday", "clock_gettime", "time")
PAUSES = ("yield", "sched_yield")
STORM = 50  # interrupts of one number, of fewer of which there is no storm
STORM_SHARE = 0.5  # of the events that interrupts are in a storm
PER_WORK = 4  # interrupts for each event of work, from which on they come for nothing
TOO_FAST = 10  # times as many ticks as there should be
STANDING_TICKS = 5  # that must have come meanwhile if the clock did not stand
STARVED_S = 0.5  # for which a thread that is ready need not run


def progress(found: Findings) -> str:
    """What was done while it was looked at; empty if nothing was."""
    if work := _work(found):
        return ", ".join(f"{count} × {name}" for name, count in work.items())
    various, threads = len(set(map(_timeless, found.calls))), list(_by_thread(found))
    if various < VARIETY or (threads and all(map(_polls, threads))):
        return ""
    return f"system calls with {various} results, such as {calls(found)}"


def _work(found: Findings) -> dict[str, int]:
    return {name: count for name, count in (found.during or {}).items() if name.startswith(WORK)}


def calls(found: Findings) -> str:
    """The commonest system calls."""
    names = Counter(_timeless(call) for call in found.calls).most_common(NAMED)
    return ", ".join(_call(call, count) for call, count in names)


def _call(call: Call, count: int) -> str:
    gives = "the time" if call.name in CLOCKS else call.result
    return f"{call.name} (gives {gives}, {count} times)"


def _timeless(call: Call) -> Call:
    return replace(call, thread=0, result=0 if call.name in CLOCKS else call.result)


def _by_thread(found: Findings) -> Iterator[Sequence[Call]]:
    """The calls of each thread in their order, but of those that were seen too shortly to say anything."""
    by_thread: defaultdict[int, list[Call]] = defaultdict(list)
    for call in found.calls:
        by_thread[call.thread].append(_timeless(call))
    yield from (calls for calls in by_thread.values() if len(calls) >= VARIETY)


def _polls(calls: Sequence[Call]) -> bool:
    """Whether a thread asks for the time or pauses, in rounds of few calls, or of the same in one order."""
    if not any(call.name in (*CLOCKS, *PAUSES) for call in calls):
        return False
    rounds = range(VARIETY, len(calls) // ROUNDS + 1)
    return len(set(calls)) < VARIETY or any(calls[size:] == calls[:-size] for size in rounds)


def storm(found: Findings) -> tuple[str, int] | None:
    """The number of an interrupt that comes again and again for nothing, and how often it came."""
    number, count = max(found.interrupts.items(), key=lambda item: item[1], default=("", 0))
    events = sum((found.during or {}).values())
    # Each has an event where it ends, too.
    if count < STORM or 2 * count < STORM_SHARE * events:
        return None
    if number == found.timer:
        due = found.during_s * found.tick_hz
        return (number, count) if found.tick_hz and count > TOO_FAST * max(due, 1.0) else None
    return (number, count) if count > PER_WORK * sum(_work(found).values()) else None


def stands(found: Findings) -> bool:
    """Whether no tick came though several should have."""
    due = found.watched_s * found.tick_hz
    return (
        len(found.ticks) > 1 and len(set(found.ticks)) == 1 and (not found.tick_hz or due >= STANDING_TICKS)
    )


def timed(found: Findings) -> list[Thread]:
    """The threads that sleep until a tick that is still to come."""
    return [
        thread
        for thread in found.threads
        if thread.wait
        and thread.life in ASLEEP
        and found.ticks
        and thread.wait_until >= max(found.ticks[0], 1)
    ]


def clock_stands(found: Findings, spots: Sequence[PcSample]) -> bool:
    """Whether it is the clock that keeps everything: it stands, and threads sleep until it moves; or the
    kernel works, and would let it interrupt."""
    if not stands(found) or any(spot.user for spot in spots):
        return False
    if all(spot.halted for spot in spots):
        return bool(timed(found)) and (rests(found) or not any(spot.masked for spot in spots))
    busy = [spot for spot in spots if not spot.halted]
    return sum(spot.masked for spot in busy) < STORM_SHARE * len(busy)


def rests(found: Findings) -> bool:
    """Whether all processors wait for an interrupt because there is nothing to do, as the kernel notes it."""
    return bool(found.cpus) and all(cpu.resting for cpu in found.cpus)


def starved(found: Findings) -> list[Thread]:
    """The threads that are ready and have not run for a while."""
    if not found.tick_hz or not found.ticks:
        return []
    since = found.ticks[0] - STARVED_S * found.tick_hz
    return [
        thread
        for thread in found.threads
        if thread.life == "ready" and thread.ran < since and thread.id not in idle(found)
    ]
