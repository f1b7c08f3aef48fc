"""Who waits for whom: the wait-for graph of a guest's threads, and rings in it that never open again. Pure.

An edge leads from a thread that waits to one that could end that wait. What it waits for says who could:

    spin lock, mutex     who holds it
    join                 the thread whose end is waited for
    child                the living children of its process
    pipe                 the threads of all processes that have the other end
    park, queue          not noted; other kernel threads that park, or wait at another queue, are taken for it
    ticks, disk, input   no thread: the machine ends it

A thread can go on if it runs, is ready or looks once more before it sleeps, if the machine ends its wait, or
if one that could end its wait can go on itself. All others are stuck.
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
GUESSED = (PARK, QUEUE)  # of which no note says who ends them
ENDED_BY_MACHINE = ("disk", "input", "ticks")
ASLEEP = ("sleeping", "dozing")
INIT = 1  # the process that inherits the children of those that have ended


@dataclass(frozen=True)
class Want:
    """A wait: threads by number, 0 the boot code.

    `by` are the threads that could end it, all of them if they are `known`. `held` is the lock waited for,
    `cpu` the processor that spins for it, and `holder_cpu` the one that took it.
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
    """The threads that run when there is nothing to do."""
    return {cpu.idle or cpu.thread for cpu in found.cpus if cpu.idle or cpu.spot.halted}


def wants(found: Findings) -> list[Want]:
    """All waits, those of the processors first."""
    return [*_spinning(found), *_sleeping(found)]


def _spinning(found: Findings) -> Iterator[Want]:
    held = {lock.address: (cpu.number, lock) for cpu in found.cpus for lock in cpu.locks}
    for cpu in found.cpus:
        if cpu.wants and cpu.wants in held:
            holder, lock = held[cpu.wants]
            # Its own processor cannot run another thread meanwhile.
            by = cpu.thread if cpu.number == holder else lock.thread
            yield Want(SPIN, cpu.wants, cpu.thread, cpu.wants_site, (by,), True, lock, cpu.number, holder)


def _sleeping(found: Findings) -> Iterator[Want]:
    held = {lock.address: lock for thread in found.threads for lock in thread.locks}
    alive = {thread.id for thread in found.threads if thread.life != "ended"}
    # While the kernel boots, the idle thread waits, too. It cannot sleep: it looks again and again.
    idle = {cpu.idle for cpu in found.cpus}
    for thread in found.threads:
        sleeps = thread.life == "sleeping" or (thread.id in idle and thread.life != "ended")
        if not thread.wait or not sleeps:
            continue
        lock = held.get(thread.wait_on) if thread.wait == MUTEX else None
        by, known = _enders(found, thread, lock)
        by = tuple(each for each in by if each in alive)
        yield Want(thread.wait, thread.wait_on, thread.id, thread.wait_site, by, known, lock)


def _enders(found: Findings, thread: Thread, lock: Lock | None) -> tuple[tuple[int, ...], bool]:
    """The threads that could end a thread's wait, and whether there are no others."""
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
    """The threads of a process's children that it waits for and that live."""
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


def stuck(found: Findings) -> dict[int, Want]:
    """The waits that nothing can end, by thread."""
    waits = {want.thread: want for want in wants(found)}
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


def ring(found: Findings, *, guessed: bool = False) -> list[Want]:
    """Threads that wait for each other in a circle, or one for itself; empty when there is no such ring.

    `guessed`: also where it is not known who ends a wait.
    """
    waits = {number: want for number, want in stuck(found).items() if guessed or want.kind not in GUESSED}
    rings = [path for start in sorted(waits) if (path := _way_back(waits, start))]
    # Where a thread could be helped by itself or by another that waits for it, both are at fault.
    return min((path for path in rings if len(path) > 1), key=len, default=rings[0] if rings else [])


def _way_back(waits: dict[int, Want], start: int) -> list[Want]:
    """The shortest ring of several threads through one, else of itself alone, else nothing."""
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


def dead_end(found: Findings) -> tuple[Want, Lock, Thread | None] | None:
    """A mutex whose holder has ended, or is not known any more; the holder, if there is a trace of it."""
    threads = {thread.id: thread for thread in found.threads}
    for want in wants(found):
        if want.kind == MUTEX and want.held:
            holder = threads.get(want.held.thread)
            if holder is None or holder.life == "ended":
                return want, want.held, holder
    return None


def through_sleep(found: Findings) -> tuple[Want, Lock, Thread] | None:
    """A lock whose holder sleeps on something else than a lock, and will not go on by another thread."""
    threads, waits = {thread.id: thread for thread in found.threads}, stuck(found)
    for want in wants(found):
        holder = threads.get(want.held.thread) if want.held else None
        if not holder or not want.held or holder.life not in ASLEEP or holder.wait == MUTEX:
            continue
        if holder.id in waits or holder.wait in ENDED_BY_MACHINE:
            return want, want.held, holder
    return None
