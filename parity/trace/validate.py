"""Whether a trace can be believed: what must be true of one that was read while the kernel rested."""

from __future__ import annotations

from itertools import pairwise

from parity.trace.reader import FLAGS, KIND, PAYLOAD, TIMESTAMP, Ring, Trace

LEAST_EVENTS = 278
MARKERS = 0xFF  # upper byte of the types that mark something, and are none of the kernel's own events
TICK, CALLS = "TIMER_TICK", "SYSCALL_TOTAL"


def violations(trace: Trace, least: int = LEAST_EVENTS, calls: int | None = None) -> list[str]:
    """What is untrue of it, nothing if all is well.

    `least` events must be there; `calls` is how many system calls somebody else has counted, if so.
    """
    found = [] if trace.enabled else ["tracing is off, so that counters stand still"]
    if not trace.frequency:
        found.append("the kernel has not said how fast its clock runs")
    seen = sum(1 for ring in trace.rings for event in ring.events if event[KIND] >> 8 != MARKERS)
    if seen < least:
        found.append(f"{seen} events, at least {least} expected")
    for ring in trace.rings:
        found += [f"cpu {ring.cpu}: {what}" for what in _ring(trace, ring)]
    return found + _counters(trace) + _calls(trace, calls)


def _ring(trace: Trace, ring: Ring) -> list[str]:
    found = []
    if ring.torn:
        found.append(f"{ring.torn} torn events")
    if not ring.dropped == ring.read_index <= ring.write_index:
        found.append(f"{ring.dropped} events dropped, but {ring.read_index} is the first that is left")
    held = len(ring.events) + ring.torn
    if held != ring.write_index - ring.read_index:
        found.append(f"{ring.write_index} events written, {ring.dropped} dropped, but {held} there")
    back = sum(1 for one, other in pairwise(ring.events) if other[TIMESTAMP] < one[TIMESTAMP])
    if back:
        found.append(f"the time goes back {back} times")
    strangers = {event[KIND] for event in ring.events} - set(trace.probes)
    if strangers:
        found.append(
            f"events of types that nobody registered: {', '.join(f'{k:#06x}' for k in sorted(strangers))}"
        )
    ticks = [event[PAYLOAD] for event in ring.events if trace.name(event[KIND]) == TICK]
    if any(other <= one for one, other in pairwise(ticks)):
        found.append("the numbers of the ticks do not increase")
    return found


def _counters(trace: Trace) -> list[str]:
    found = []
    mask = (1 << trace.counter_bits) - 1
    for counter in trace.counters:
        if not counter.total:
            found.append(f"{counter.name} has counted nothing")
        for ring in trace.rings:
            there = sum(1 for event in ring.events if event[FLAGS] & mask == counter.number)
            dropped, counted = ring.dropped_counted[counter.number - 1], counter.values[ring.cpu]
            if counted != there + dropped:
                found.append(
                    f"{counter.name} of cpu {ring.cpu} is {counted}, but {there} such events are there"
                    f" and {dropped} were dropped"
                )
    return found


def _calls(trace: Trace, calls: int | None) -> list[str]:
    total = next((counter.total for counter in trace.counters if counter.name == CALLS), None)
    if total is None:
        return [f"there is no counter {CALLS}"]
    if calls is not None and total != calls:
        return [f"{CALLS} is {total}, but {calls} system calls were counted from outside"]
    return []
