"""Who waits for whom: threads and the locks between them, and the rings that never open again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from parity.autopsy.findings import Findings, Lock, Thread

SPIN, MUTEX = "spin lock", "mutex"
ASLEEP = ("sleeping", "dozing")


@dataclass(frozen=True)
class Want:
    """Somebody waits for a lock that somebody holds. Threads by number, 0 the boot code.

    `cpu` is the processor that spins for it, and `holder_cpu` the one that took it; None for a mutex.
    """

    kind: str
    address: int
    thread: int
    site: str
    held: Lock
    cpu: int | None = None
    holder_cpu: int | None = None

    @property
    def on_itself(self) -> bool:
        """Whether nobody else could give the lock back: the thread itself, or its processor, has it."""
        return self.thread == self.held.thread or (self.cpu is not None and self.cpu == self.holder_cpu)


def wants(found: Findings) -> list[Want]:
    """All that wait for a lock, and who holds it."""
    return [*_spinning(found), *_sleeping(found)]


def _spinning(found: Findings) -> Iterator[Want]:
    held = {lock.address: (cpu.number, lock) for cpu in found.cpus for lock in cpu.locks}
    for cpu in found.cpus:
        if cpu.wants and cpu.wants in held:
            holder, lock = held[cpu.wants]
            yield Want(SPIN, cpu.wants, cpu.thread, cpu.wants_site, lock, cpu.number, holder)


def _sleeping(found: Findings) -> Iterator[Want]:
    held = {lock.address: lock for thread in found.threads for lock in thread.locks}
    for thread in found.threads:
        if thread.wait == MUTEX and thread.life in ASLEEP and thread.wait_on in held:
            yield Want(MUTEX, thread.wait_on, thread.id, thread.wait_site, held[thread.wait_on])


def ring(found: Findings) -> list[Want]:
    """Threads that wait for each other in a circle, or one for itself; empty when there is no such ring."""
    all_wants = wants(found)
    own = next((want for want in all_wants if want.on_itself), None)
    if own:
        return [own]
    waits = {want.thread: want for want in all_wants}
    for start in waits:
        path: list[Want] = []
        at = start
        while at in waits and waits[at] not in path:
            path.append(waits[at])
            at = waits[at].held.thread
        if path and at in waits:
            return path[path.index(waits[at]) :]
    return []


def dead_end(found: Findings) -> tuple[Want, Thread | None] | None:
    """A lock whose holder has ended, or is not known any more; the holder, if there is a trace of it."""
    threads = {thread.id: thread for thread in found.threads}
    for want in wants(found):
        holder = threads.get(want.held.thread)
        if want.kind == MUTEX and (holder is None or holder.life == "ended"):
            return want, holder
    return None


def through_sleep(found: Findings) -> tuple[Want, Thread] | None:
    """A lock whose holder sleeps on something else than a lock."""
    threads = {thread.id: thread for thread in found.threads}
    for want in wants(found):
        holder = threads.get(want.held.thread)
        if holder and holder.life in ASLEEP and holder.wait != MUTEX:
            return want, holder
    return None
