"""Formats a trace as text (a line per event) or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.trace.reader import CPU, KIND, PAYLOAD, TIMESTAMP, Event, Payload, Trace


def lines(trace: Trace) -> Iterator[str]:
    """A line per event: seconds since the first event, processor, type, payload; then the counters."""
    events = trace.merged()
    begin = events[0][TIMESTAMP] if events else 0
    for event in events:
        seconds = (event[TIMESTAMP] - begin) / trace.frequency
        yield f"{seconds:12.6f}  cpu{event[CPU]}  {trace.name(event[KIND]):<17} {payload(trace, event)}"
    for ring in trace.rings:
        yield (
            f"cpu{ring.cpu}: {len(ring.events)} events, {ring.dropped} dropped before them, {ring.torn} torn"
        )
    for counter in trace.counters:
        parts = ", ".join(f"cpu{cpu}={value}" for cpu, value in enumerate(counter.values) if value)
        yield f"{counter.name}: {counter.total} ({parts})"


def payload(trace: Trace, event: Event) -> str:
    """The payload of an event, as text."""
    value = event[PAYLOAD]
    match trace.probes[event[KIND]].payload if event[KIND] in trace.probes else None:
        case Payload.THREADS:
            return f"{value >> 16} -> {value & 0xFFFF}"
        case Payload.ADDRESS:
            return f"…{value:08x}"
        case Payload.RESULT:
            return str(signed(value))
    if trace.name(event[KIND]) == "SYSCALL_ENTRY" and value in trace.names:
        return f"{value} {trace.names[value]}"
    return str(value)


def signed(value: int) -> int:
    """A 32-bit value as a signed number."""
    return value - (1 << 32) if value >> 31 else value


def as_json(trace: Trace) -> dict[str, Any]:
    """The trace as JSON values; timestamps are raw counts."""
    return {
        "frequency": trace.frequency,
        "enabled": trace.enabled,
        "cpus": [
            {
                "cpu": ring.cpu,
                "events": len(ring.events),
                "written": ring.write_index,
                "dropped": ring.dropped,
                "torn": ring.torn,
            }
            for ring in trace.rings
        ],
        "counters": {counter.name: list(counter.values) for counter in trace.counters},
        "events": [
            {
                "timestamp": event[TIMESTAMP],
                "cpu": event[CPU],
                "type": event[KIND],
                "name": trace.name(event[KIND]),
                "payload": event[PAYLOAD],
            }
            for event in trace.merged()
        ],
    }
