"""Converts a trace to Chrome's trace events (JSON), which Perfetto opens.

Each processor has a track with its threads and interrupts; each thread has a track with its system calls. A
span without a start begins at the first event; a span without an end ends at the last event.
"""

from __future__ import annotations

from typing import Any

from parity.trace.reader import CPU, KIND, PAYLOAD, TIMESTAMP, Event, Payload, Trace
from parity.trace.timeline import payload

CPUS, THREADS = 1, 2  # Perfetto calls the two groups of tracks processes
SWITCH = "CTX_SWITCH"
ENTRY, EXIT = "_ENTRY", "_EXIT"
OF_THREADS = "SYSCALL"


class _Tracks:
    """Collects the spans of all tracks."""

    def __init__(self, begin: int, frequency: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._begin, self._scale = begin, 1e6 / frequency
        self._open: dict[tuple[int, int], list[tuple[str, int, dict[str, Any]]]] = {}

    def us(self, timestamp: int) -> float:
        return round((timestamp - self._begin) * self._scale, 3)

    def begin(self, track: tuple[int, int], name: str, timestamp: int, arguments: dict[str, Any]) -> None:
        self._open.setdefault(track, []).append((name, timestamp, arguments))

    def end(self, track: tuple[int, int], timestamp: int, more: dict[str, Any]) -> bool:
        if not self._open.get(track):
            return False
        name, since, arguments = self._open[track].pop()
        self.span(track, name, since, timestamp, {**arguments, **more})
        return True

    def span(
        self, track: tuple[int, int], name: str, since: int, until: int, arguments: dict[str, Any]
    ) -> None:
        us = self.us(since)
        self.events.append(
            {"ph": "X", "name": name, "pid": track[0], "tid": track[1], "ts": us,
             "dur": round(self.us(until) - us, 3), "args": arguments}
        )  # fmt: skip

    def instant(self, track: tuple[int, int], name: str, timestamp: int, arguments: dict[str, Any]) -> None:
        self.events.append(
            {"ph": "i", "s": "t", "name": name, "pid": track[0], "tid": track[1],
             "ts": self.us(timestamp), "args": arguments}
        )  # fmt: skip

    def finish(self, timestamp: int) -> None:
        for track in list(self._open):
            while self.end(track, timestamp, {"ended": False}):
                pass


def chrome(trace: Trace, title: str) -> dict[str, Any]:
    """The content of the file, as JSON values."""
    events = trace.merged()
    begin, end = (events[0][TIMESTAMP], events[-1][TIMESTAMP]) if events else (0, 0)
    tracks = _Tracks(begin, trace.frequency or 1)
    running: dict[int, tuple[int, int]] = {}  # processor → its thread, and the time of its start
    threads: set[int] = set()
    for event in events:
        cpu, name, timestamp = event[CPU], trace.name(event[KIND]), event[TIMESTAMP]
        base = name.removesuffix(ENTRY).removesuffix(EXIT)
        if base == SWITCH:
            left, came = _switch(trace, event)
            if left is not None and cpu not in running:
                running[cpu] = (left, begin)
                threads.add(left)
            if came is not None:
                if cpu in running:
                    thread, since = running[cpu]
                    tracks.span((CPUS, cpu), f"thread {thread}", since, timestamp, {})
                running[cpu] = (came, timestamp)
                threads.add(came)
                continue
        thread = running.get(cpu, (0, 0))[0]
        track = (THREADS, thread) if base == OF_THREADS and cpu in running else (CPUS, 100 + cpu)
        said = {"payload": payload(trace, event)}
        if name.endswith(ENTRY) and f"{base}{EXIT}" in _names(trace) and base != SWITCH:
            tracks.begin(track, f"{base.lower()} {said['payload']}", timestamp, said)
        elif not (name.endswith(EXIT) and tracks.end(track, timestamp, {"result": said["payload"]})):
            tracks.instant(track, name, timestamp, said)
    for cpu, (thread, since) in running.items():
        tracks.span((CPUS, cpu), f"thread {thread}", since, end, {})
    tracks.finish(end)
    return {"traceEvents": [*_titles(trace, title, threads), *tracks.events], "displayTimeUnit": "ns"}


def _names(trace: Trace) -> set[str]:
    return {probe.name for probe in trace.probes.values()}


def _switch(trace: Trace, event: Event) -> tuple[int | None, int | None]:
    """The previous and the next thread, as far as this switch event contains them."""
    value, comes = event[PAYLOAD], trace.name(event[KIND]).endswith(EXIT)
    if trace.probes[event[KIND]].payload is Payload.THREADS:
        return value >> 16, value & 0xFFFF if comes else None
    return (None, value) if comes else (value, None)


def _titles(trace: Trace, title: str, threads: set[int]) -> list[dict[str, Any]]:
    named: list[tuple[int, int | None, str]] = [(CPUS, None, title), (THREADS, None, "threads")]
    for ring in trace.rings:
        named += [(CPUS, ring.cpu, f"cpu {ring.cpu}"), (CPUS, 100 + ring.cpu, f"cpu {ring.cpu}: events")]
    named += [(THREADS, thread, f"thread {thread}") for thread in sorted(threads)]
    return [
        {"ph": "M", "pid": group, **({} if track is None else {"tid": track}),
         "name": "process_name" if track is None else "thread_name", "args": {"name": name}}
        for group, track, name in named
    ]  # fmt: skip
