"""The rules of a diagnosis that use waits and locks: deadlocks. `diagnose.py` documents them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from parity.autopsy import waits
from parity.autopsy.diagnosis import Diagnosis, FailureKind
from parity.autopsy.findings import Findings
from parity.autopsy.waits import Wait
from parity.autopsy.wording import awaited_event, lock, thread_title, waiting, waiting_function


def cycle(found: Findings) -> Diagnosis | None:
    """Threads that wait for each other in a cycle, or one thread that waits for itself."""
    cycle = waits.cycle(found)
    return cycle_diagnosis(found, cycle) if cycle else None


def cycle_diagnosis(found: Findings, cycle: Sequence[Wait]) -> Diagnosis:
    """The diagnosis of threads that wait for each other in a cycle, or of one that waits for itself."""
    if len(cycle) > 1:
        parts = (waiting(found, wait) for wait in cycle)
        return Diagnosis.of(FailureKind.DEADLOCK, "; ".join(parts), *sorted(wait.site for wait in cycle))
    (wait,) = cycle
    if wait.held is None:
        return Diagnosis.of(FailureKind.SELF_DEADLOCK, waiting(found, wait), wait.site)
    thread, where = thread_title(found, wait.thread), f"{wait.site}{waiting_function(found, wait)}"
    itself = wait.thread == wait.held.thread
    holder = "which it holds itself" if itself else "which its own processor holds"
    by = "" if itself else f" by {thread_title(found, wait.held.thread)}"
    return Diagnosis.of(
        FailureKind.SELF_DEADLOCK,
        f"{thread} waits for {lock(found, wait)} at {where}, {holder}"
        f" since it was taken at {wait.held.site}{by}",
        wait.held.site,
        wait.site,
    )


def stuck_lock(found: Findings) -> Diagnosis | None:
    """A lock whose holder has ended, or sleeps and is not woken."""
    if end := waits.lock_of_ended_thread(found):
        wait, held, holder = end
        ended = "which has ended" + ("" if holder else " or is no longer known")
        return Diagnosis.of(FailureKind.DEADLOCK, f"{waiting(found, wait)}, {ended}", wait.site, held.site)
    if (sleep := waits.lock_of_sleeping_thread(found)) and sleep[2].wait not in waits.ENDED_BY_MACHINE:
        wait, held, holder = sleep
        return Diagnosis.of(
            FailureKind.DEADLOCK,
            f"{waiting(found, wait)}, which waits for {awaited_event(found, holder)}",
            wait.site,
            held.site,
            holder.wait_site,
        )
    return None
