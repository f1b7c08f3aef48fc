"""Reads a trace from memory: the events of each processor, their types, and the counters.

An event is complete if the lap in its flags matches its position in the ring, and its timestamp is not 0.
Other events between the read and the write index are torn; the reader skips them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from operator import itemgetter

from parity.trace.layout import Header
from parity.trace.memory import DumpError, Memory

# Timestamp, type, cpu, flags, payload.
Event = tuple[int, int, int, int, int]
TIMESTAMP, KIND, CPU, FLAGS, PAYLOAD = range(5)
FLAG_BITS = 8
CALLS, CALL_BYTES = "TRACE_SYSCALL_NAMES", 24


class Payload(IntEnum):
    """The type of an event's payload."""

    NUMBER = 0
    THREADS = 1  # version 1 only: previous thread in the upper half, next thread in the lower half
    ADDRESS = 2  # the lower 32 bits of an address
    RESULT = 3  # signed; larger values are clamped
    THREAD = 4


@dataclass(frozen=True)
class Probe:
    """A probe: one type of event."""

    kind: int
    name: str
    text: str
    provider: str
    enabled: bool
    payload: Payload


@dataclass(frozen=True)
class Counter:
    """A counter, with a value per processor."""

    name: str
    text: str
    number: int
    values: tuple[int, ...]

    @property
    def total(self) -> int:
        """The sum over all processors."""
        return sum(self.values)


@dataclass(frozen=True)
class Ring:
    """The ring of one processor; events oldest first. `torn`: number of incomplete events."""

    cpu: int
    events: list[Event]
    write_index: int
    read_index: int
    dropped: int
    dropped_counted: tuple[int, ...]  # dropped events of counter 1, 2, …
    torn: int = 0


@dataclass(frozen=True)
class Trace:
    """A complete trace. Timestamps increase by `frequency` per second."""

    rings: list[Ring]
    counters: list[Counter]
    probes: dict[int, Probe]
    enabled: bool
    frequency: int
    counter_bits: int
    names: dict[int, str] = field(default_factory=dict)  # names of system calls, by number

    def merged(self) -> list[Event]:
        """The events of all processors by time; each processor's events keep their order."""
        return sorted(chain.from_iterable(ring.events for ring in self.rings), key=itemgetter(TIMESTAMP))

    def name(self, kind: int) -> str:
        """The name of an event type."""
        return self.probes[kind].name if kind in self.probes else f"UNKNOWN_{kind:04X}"


def read(memory: Memory) -> Trace:
    """Reads the trace. Raises DumpError if the memory does not match the header."""
    header = Header.read(memory)
    rings = [
        ring(header, cpu, memory.read(header.rings + cpu * header.ring_bytes, header.ring_bytes))
        for cpu in range(header.cpus)
    ]
    return Trace(
        rings=[one for one in rings if one.write_index],
        counters=_counters(header, memory),
        probes=_probes(header, memory),
        enabled=memory.number(header.enabled) != 0,
        frequency=header.frequency,
        counter_bits=header.counter_bits,
        names=_calls(memory),
    )


def ring(header: Header, cpu: int, data: bytes) -> Ring:
    """Parses one ring."""
    places = (header.write_index_at, header.read_index_at, header.dropped_at)
    write, first, dropped = (int.from_bytes(data[at : at + 8], "little") for at in places)
    tallies = [header.dropped_counted_at + 8 * index for index in range(header.tallies)]
    start, size = max(first, write - header.events, 0), header.events
    slots = list(header.event().iter_unpack(data[: size * header.event_bytes]))
    split = start % size
    ordered = (slots[split:] + slots[:split])[: write - start]
    # Events before the border belong to one lap, events after it to the next lap.
    border, bits, mask = size - split, header.counter_bits, (1 << (FLAG_BITS - header.counter_bits)) - 1
    lap = start // size
    events: list[Event] = []
    for part, number in ((ordered[:border], lap & mask), (ordered[border:], lap + 1 & mask)):
        events += [event for event in part if event[TIMESTAMP] and event[FLAGS] >> bits == number]
    return Ring(
        cpu=cpu,
        events=events,
        write_index=write,
        read_index=first,
        dropped=dropped,
        dropped_counted=tuple(int.from_bytes(data[at : at + 8], "little") for at in tallies),
        torn=len(ordered) - len(events),
    )


def _counters(header: Header, memory: Memory) -> list[Counter]:
    found = []
    for at in _table(header, memory, header.counters, memory.number(header.counters_count)):
        slots = at + header.counter_slots_at
        values = (memory.number(slots + cpu * header.counter_slot_bytes) for cpu in range(header.cpus))
        found.append(
            Counter(
                memory.text(at + header.counter_name_at),
                memory.text(at + header.counter_text_at),
                memory.number(at + header.counter_number_at, 1),
                tuple(values),
            )
        )
    return found


def _probes(header: Header, memory: Memory) -> dict[int, Probe]:
    found = {}
    for provider in _table(header, memory, header.providers, memory.number(header.providers_count)):
        mask = memory.number(provider + header.provider_enabled_at)
        probes = provider + header.provider_probes_at
        for at in _table(header, memory, memory.number(probes), memory.number(probes + header.pointer_bytes)):
            bit = memory.number(at + header.probe_bit_at, 1)
            probe = Probe(
                memory.number(at + header.probe_kind_at, 2),
                memory.text(at + header.probe_name_at),
                memory.text(at + header.probe_text_at),
                memory.text(provider + header.provider_name_at),
                bool(mask >> bit & 1),
                _payload(memory.number(at + header.probe_payload_at, 1)),
            )
            found[probe.kind] = probe
    return found


def _payload(number: int) -> Payload:
    try:
        return Payload(number)
    except ValueError:
        raise DumpError(f"unknown payload type of an event: {number}") from None


def _calls(memory: Memory) -> dict[int, str]:
    table = memory.kernel.symbols.get(CALLS)
    if table is None:
        return {}
    entries = range(table.address, table.address + table.size, CALL_BYTES)
    return {memory.number(at): memory.text(at + 8) for at in entries}


def _table(header: Header, memory: Memory, address: int, count: int) -> list[int]:
    return [
        memory.number(address + index * header.pointer_bytes, header.pointer_bytes) for index in range(count)
    ]
