"""The wait-for graph of a guest's threads, and the cycles in it. Pure.

An edge leads from a waiting thread to a thread that could end its wait. The kind of the wait decides:

    spin lock, mutex     the holder
    join                 the thread whose end it waits for
    child                the living children of its process
    pipe                 the threads of all processes that have the other end
    park, queue          not recorded; assumed: any other kernel thread that parks or waits at another queue
    ticks, disk, input   no thread: a device ends it

A thread can continue if it runs, is ready or is about to sleep, if a device ends its wait, or if a thread
that could end its wait can continue. All others are stuck.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parity.autopsy.findings import Findings, Lock, Thread

SPIN, MUTEX, JOIN, CHILD, PIPE, PARK, QUEUE = (
    "spin lock",
    "mutex",
    "join",
    "child",
    "pipe",
    "park",
    "queue",
)
LOCKS = (SPIN, MUTEX)
GUESSED = (PARK, QUEUE)  # the kernel does not record which thread ends these waits
ENDED_BY_MACHINE = ("disk", "input", "ticks")
ASLEEP = ("sleeping", "dozing")
INIT = 1  # the process that inherits the children of those that have ended


@dataclass(frozen=True)
class Wait:
    """A wait of a thread. Threads are numbers; 0 is the boot code.

    `by` are the threads that could end it; `known`: there are no others. `held` is the awaited lock, `cpu`
    the processor that spins, `holder_cpu` the processor that took the lock.
    """

    kind: str
    address: int
    thread: int
    site: str
    by: tuple[int, ...]
    known: bool = True
    held: Lock | None = None
    cpu: int | None = None
    holder_cpu: int | None = None


def idle(found: Findings) -> set[int]:
    """The idle threads."""
    return {cpu.idle or cpu.thread for cpu in found.cpus if cpu.idle or cpu.spot.halted}


def all_waits(found: Findings) -> list[Wait]:
    """All waits: first spinning processors, then sleeping threads."""
    return [*_spinning(found), *_sleeping(found)]


def _spinning(found: Findings) -> Iterator[Wait]:
    held = {lock.address: (cpu.number, lock) for cpu in found.cpus for lock in cpu.locks}
    for cpu in found.cpus:
        if cpu.wants and cpu.wants in held:
            holder, lock = held[cpu.wants]
            # The processor that spins cannot run the holder, if that is another of its threads.
            by = cpu.thread if cpu.number == holder else lock.thread
            yield Wait(SPIN, cpu.wants, cpu.thread, cpu.wants_site, (by,), True, lock, cpu.number, holder)


def _sleeping(found: Findings) -> Iterator[Wait]:
    held = {lock.address: lock for thread in found.threads for lock in thread.locks}
    alive = {thread.id for thread in found.threads if thread.life != "ended"}
    # While the kernel boots, the idle thread also waits. It cannot sleep, so it polls.
    idle = {cpu.idle for cpu in found.cpus}
    for thread in found.threads:
        sleeps = thread.life == "sleeping" or (thread.id in idle and thread.life != "ended")
        if not thread.wait or not sleeps:
            continue
        lock = held.get(thread.wait_on) if thread.wait == MUTEX else None
        by, known = _possible_wakers(found, thread, lock)
        by = tuple(each for each in by if each in alive)
        yield Wait(thread.wait, thread.wait_on, thread.id, thread.wait_site, by, known, lock)


def _possible_wakers(found: Findings, thread: Thread, lock: Lock | None) -> tuple[tuple[int, ...], bool]:
    """The threads that could end a thread's wait, and whether these are all."""
    match thread.wait:
        case "mutex" if lock:
            return (lock.thread,), True
        case "join" if thread.wait_by:
            return (thread.wait_by,), True
        case "child" if found.ends_noted:
            return children(found, thread), True
        case "pipe" if found.ends_noted:
            by = tuple(each.id for each in found.threads if thread.wait_on in each.ends)
            return by, bool(by) and not any(each.more_ends for each in found.threads)
        case kind if kind in GUESSED:
            return _peers(found, thread), False
    return (), False


def children(found: Findings, thread: Thread) -> tuple[int, ...]:
    """The live threads of the child processes for which a thread waits."""
    processes = {each.pid for each in found.threads if each.pid}

    def parent(child: Thread) -> int:
        return child.parent if child.parent in processes else INIT

    return tuple(
        child.id
        for child in found.threads
        if child.pid and child.pid != thread.pid and parent(child) == thread.pid
        and thread.wait_by in (0, child.pid)
    )  # fmt: skip


def _peers(found: Findings, thread: Thread) -> tuple[int, ...]:
    kinds = (*GUESSED, JOIN) if thread.wait == PARK else GUESSED
    return tuple(
        each.id
        for each in found.threads
        if not each.pid and each.id != thread.id and each.wait in kinds and each.wait_on != thread.wait_on
        and not thread.unparked_by
    )  # fmt: skip


def stuck(found: Findings) -> dict[int, Wait]:
    """The waits that nothing can end, by thread number."""
    waits = {want.thread: want for want in all_waits(found)}
    resting = idle(found)
    going = {
        thread.id
        for thread in found.threads
        if thread.life in ("ready", "running", "dozing") and thread.id not in {*waits, *resting}
    }
    going |= {number for number, want in waits.items() if want.kind in ENDED_BY_MACHINE}
    while True:
        more = {
            number
            for number, want in waits.items()
            if number not in going and (going.intersection(want.by) or (going and not want.known))
        }
        if not more:
            return {number: want for number, want in waits.items() if number not in going}
        going |= more


def cycle(found: Findings, *, guessed: bool = False) -> list[Wait]:
    """Threads that wait for each other in a cycle, or one that waits for itself; empty if there is none.

    `guessed`: include waits for which the possible wakers are assumed.
    """
    waits = {number: want for number, want in stuck(found).items() if guessed or want.kind not in GUESSED}
    cycles = [path for start in sorted(waits) if (path := _shortest_cycle(waits, start))]
    # If a thread could be woken by itself or by a thread that waits for it, report both threads.
    return min((path for path in cycles if len(path) > 1), key=len, default=cycles[0] if cycles else [])


def _shortest_cycle(waits: dict[int, Wait], start: int) -> list[Wait]:
    """The shortest cycle through a thread: of several threads, else of this one alone, else empty."""
    ways = [[waits[start]]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if len(way) > 1 and start in way[-1].by:
            return way
        for number in way[-1].by:
            if number in waits and number not in seen:
                seen.add(number)
                ways.append([*way, waits[number]])
    return [waits[start]] if start in waits[start].by else []


def lock_of_ended_thread(found: Findings) -> tuple[Wait, Lock, Thread | None] | None:
    """A wait for a mutex whose holder has ended: the wait, the lock, the holder (None: no longer known)."""
    threads = {thread.id: thread for thread in found.threads}
    for want in all_waits(found):
        if want.kind == MUTEX and want.held:
            holder = threads.get(want.held.thread)
            if holder is None or holder.life == "ended":
                return want, want.held, holder
    return None


def lock_of_sleeping_thread(found: Findings) -> tuple[Wait, Lock, Thread] | None:
    """A wait for a lock whose holder sleeps, not for a lock, and cannot be woken by another thread."""
    threads, waits = {thread.id: thread for thread in found.threads}, stuck(found)
    for want in all_waits(found):
        holder = threads.get(want.held.thread) if want.held else None
        if not holder or not want.held or holder.life not in ASLEEP or holder.wait == MUTEX:
            continue
        if holder.id in waits or holder.wait in ENDED_BY_MACHINE:
            return want, want.held, holder
    return None
