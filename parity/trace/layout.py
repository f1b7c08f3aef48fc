"""The layout of the kernel's trace, from its TRACE_HEADER; kernel/abi/src/trace.rs documents the fields."""

from __future__ import annotations

import struct
from dataclasses import dataclass, fields
from typing import Self

from parity.trace.memory import DumpError, Memory

MAGIC, VERSIONS = b"PARTRACE", (1, 2)
SYMBOL = "TRACE_HEADER"


@dataclass(frozen=True)
class Header:
    """Sizes and offsets in bytes, counts, and at the end addresses; in the order of the memory."""

    version: int
    header_bytes: int
    cpus: int
    events: int
    event_bytes: int
    ring_bytes: int
    write_index_at: int
    read_index_at: int
    dropped_at: int
    dropped_counted_at: int
    tallies: int
    timestamp_at: int
    kind_at: int
    cpu_at: int
    flags_at: int
    payload_at: int
    counter_bits: int
    counter_name_at: int
    counter_text_at: int
    counter_number_at: int
    counter_slots_at: int
    counter_slot_bytes: int
    pointer_bytes: int
    provider_enabled_at: int
    provider_id_at: int
    provider_name_at: int
    provider_probes_at: int
    probe_name_at: int
    probe_text_at: int
    probe_kind_at: int
    probe_bit_at: int
    probe_payload_at: int
    rings: int
    counters: int
    counters_count: int
    providers: int
    providers_count: int
    enabled: int
    frequency: int

    @classmethod
    def read(cls, memory: Memory) -> Self:
        """Reads the header. Raises DumpError if there is none, or if its version is unknown."""
        address = memory.find(SYMBOL, MAGIC)
        if address is None:
            raise DumpError(f"the kernel has no {SYMBOL}: was it built without tracing?")
        data = memory.read(address, len(MAGIC) + HEADER.size)
        values = HEADER.unpack_from(data, len(MAGIC))
        if not data.startswith(MAGIC) or values[0] not in VERSIONS or values[1] != len(data):
            raise DumpError(f"{SYMBOL} is not one of version {' or '.join(map(str, VERSIONS))}")
        return cls(*values)

    def event(self) -> struct.Struct:
        """The struct of an event: timestamp, type, cpu, flags and payload, with padding between them."""
        places = [
            (self.timestamp_at, "Q", 8),
            (self.kind_at, "H", 2),
            (self.cpu_at, "B", 1),
            (self.flags_at, "B", 1),
            (self.payload_at, "I", 4),
        ]
        layout, at = "<", 0
        for place, code, size in places:
            if place < at:
                raise DumpError("the fields of an event are in an unknown order")
            layout += f"{place - at}x{code}"
            at = place + size
        return struct.Struct(f"{layout}{self.event_bytes - at}x")


ADDRESSES = 7
HEADER = struct.Struct(f"<{len(fields(Header)) - ADDRESSES}I{ADDRESSES}Q")
