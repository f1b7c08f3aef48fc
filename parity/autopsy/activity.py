"""The activity of a guest during an observation: work, system calls, interrupts, clock. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parity.autopsy.findings import Call, Findings, PcSample, Thread
from parity.autopsy.waits import ASLEEP, idle

# Types of trace events: those that show progress, and those that also occur without any.
WORK, IDLE = ("PROCESS_", "BLOCK_"), ("IRQ_", "TIMER_")
NAMED = 3  # system calls that a sentence names
VARIETY = 3  # with so many different calls and results, a program does more than poll
ROUNDS = 2  # so many repetitions of the same sequence of calls are a loop
# Calls whose results change without progress, and calls that only wait.
CLOCKS = ("get_time", "gettimeofday", "clock_gettime", "time")
PAUSES = ("yield", "sched_yield")
STORM = 50  # fewest interrupts of one number in a storm
STORM_SHARE = 0.5  # least share of the events that are this interrupt
PER_WORK = 4  # with more interrupts than this per progress event, the interrupts serve no work
TOO_FAST = 10  # times the nominal tick rate
STANDING_TICKS = 5  # ticks that a running clock makes during the observation, at least
STARVED_S = 0.5  # a ready thread may wait this long for a processor


def progress(found: Findings) -> str:
    """The progress during the observation, as text; empty if there was none."""
    if work := _work(found):
        return ", ".join(f"{count} × {name}" for name, count in work.items())
    various, threads = len(set(map(_timeless, found.calls))), list(_by_thread(found))
    if various < VARIETY or (threads and all(map(_polls, threads))):
        return ""
    return f"system calls with {various} results, such as {calls(found)}"


def _work(found: Findings) -> dict[str, int]:
    return {name: count for name, count in (found.during or {}).items() if name.startswith(WORK)}


def calls(found: Findings) -> str:
    """The most frequent system calls, as text."""
    names = Counter(_timeless(call) for call in found.calls).most_common(NAMED)
    return ", ".join(_call(call, count) for call, count in names)


def _call(call: Call, count: int) -> str:
    gives = "the time" if call.name in CLOCKS else call.result
    return f"{call.name} (gives {gives}, {count} times)"


def _timeless(call: Call) -> Call:
    return replace(call, thread=0, result=0 if call.name in CLOCKS else call.result)


def _by_thread(found: Findings) -> Iterator[Sequence[Call]]:
    """The calls of each thread in order, without threads that made too few calls to judge."""
    by_thread: defaultdict[int, list[Call]] = defaultdict(list)
    for call in found.calls:
        by_thread[call.thread].append(_timeless(call))
    yield from (calls for calls in by_thread.values() if len(calls) >= VARIETY)


def _polls(calls: Sequence[Call]) -> bool:
    """Whether a thread polls: it reads the time or yields, with few different calls or in a fixed order."""
    if not any(call.name in (*CLOCKS, *PAUSES) for call in calls):
        return False
    rounds = range(VARIETY, len(calls) // ROUNDS + 1)
    return len(set(calls)) < VARIETY or any(calls[size:] == calls[:-size] for size in rounds)


def interrupt_storm(found: Findings) -> tuple[str, int] | None:
    """The number of an interrupt that repeats without serving work, and how often it came."""
    number, count = max(found.interrupts.items(), key=lambda item: item[1], default=("", 0))
    events = sum((found.during or {}).values())
    # Each interrupt has two events: entry and exit.
    if count < STORM or 2 * count < STORM_SHARE * events:
        return None
    if number == found.timer:
        due = found.during_s * found.tick_hz
        return (number, count) if found.tick_hz and count > TOO_FAST * max(due, 1.0) else None
    return (number, count) if count > PER_WORK * sum(_work(found).values()) else None


def clock_stopped(found: Findings) -> bool:
    """Whether no tick came although several should have."""
    due = found.watched_s * found.tick_hz
    return (
        len(found.ticks) > 1 and len(set(found.ticks)) == 1 and (not found.tick_hz or due >= STANDING_TICKS)
    )


def sleepers(found: Findings) -> list[Thread]:
    """The threads that sleep until a future tick."""
    return [
        thread
        for thread in found.threads
        if thread.wait
        and thread.life in ASLEEP
        and found.ticks
        and thread.wait_until >= max(found.ticks[0], 1)
    ]


def clock_blocks_all(found: Findings, spots: Sequence[PcSample]) -> bool:
    """Whether the stopped clock is the cause: threads sleep until a tick, or the kernel works with interrupts
    enabled."""
    if not clock_stopped(found) or any(spot.user for spot in spots):
        return False
    if all(spot.halted for spot in spots):
        return bool(sleepers(found)) and (all_idle(found) or not any(spot.masked for spot in spots))
    busy = [spot for spot in spots if not spot.halted]
    return sum(spot.masked for spot in busy) < STORM_SHARE * len(busy)


def all_idle(found: Findings) -> bool:
    """Whether all processors are idle, according to the kernel's own records."""
    return bool(found.cpus) and all(cpu.resting for cpu in found.cpus)


def starved(found: Findings) -> list[Thread]:
    """The threads that have been ready for longer than STARVED_S without running."""
    if not found.tick_hz or not found.ticks:
        return []
    since = found.ticks[0] - STARVED_S * found.tick_hz
    return [
        thread
        for thread in found.threads
        if thread.life == "ready" and thread.ran < since and thread.id not in idle(found)
    ]
