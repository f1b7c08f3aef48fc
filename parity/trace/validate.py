"""Validates a trace: the rules for a trace that was read while the machine was stopped."""

from __future__ import annotations

from itertools import pairwise

from parity.trace.reader import FLAGS, KIND, PAYLOAD, TIMESTAMP, Ring, Trace

LEAST_EVENTS = 278
MARKERS = 0xFF  # upper byte of marker types, which are no events of the kernel
TICK, CALLS = "TIMER_TICK", "SYSCALL_TOTAL"


def violations(trace: Trace, least: int = LEAST_EVENTS, calls: int | None = None) -> list[str]:
    """The rules that a trace violates; empty if it is valid.

    `least`: the least number of events; `calls`: the number of system calls counted from outside, if known.
    """
    found = [] if trace.enabled else ["tracing is off, so that counters do not count"]
    if not trace.frequency:
        found.append("the trace has no clock frequency")
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
        found.append(f"{ring.dropped} events dropped, but the first kept event has index {ring.read_index}")
    held = len(ring.events) + ring.torn
    if held != ring.write_index - ring.read_index:
        found.append(f"{ring.write_index} events written, {ring.dropped} dropped, but {held} there")
    back = sum(1 for one, other in pairwise(ring.events) if other[TIMESTAMP] < one[TIMESTAMP])
    if back:
        found.append(f"the time decreases {back} times")
    unknown = {event[KIND] for event in ring.events} - set(trace.probes)
    if unknown:
        found.append(f"events of unregistered types: {', '.join(f'{k:#06x}' for k in sorted(unknown))}")
    ticks = [event[PAYLOAD] for event in ring.events if trace.name(event[KIND]) == TICK]
    if any(other <= one for one, other in pairwise(ticks)):
        found.append("the numbers of the ticks do not increase")
    return found


def _counters(trace: Trace) -> list[str]:
    found = []
    mask = (1 << trace.counter_bits) - 1
    for counter in trace.counters:
        if not counter.total:
            found.append(f"{counter.name} is 0")
        for ring in trace.rings:
            there = sum(1 for event in ring.events if event[FLAGS] & mask == counter.number)
            dropped, counted = ring.dropped_counted[counter.number - 1], counter.values[ring.cpu]
            if counted != there + dropped:
                found.append(
                    f"{counter.name} of cpu {ring.cpu} is {counted}, but the ring has {there} such events"
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
