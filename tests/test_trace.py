"""Traces: from a kernel's memory, made here byte by byte, to events, timelines and violations."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from parity.build.elf import Kernel, Segment, Symbol
from parity.core.errors import UserError
from parity.trace import perfetto, reader, timeline
from parity.trace.__main__ import main
from parity.trace.layout import HEADER, MAGIC, Header
from parity.trace.memory import DumpError, Memory, dump
from parity.trace.reader import Event, Payload, Trace
from parity.trace.validate import violations

BASE, PHYSICAL = 0xFFFF_0000_4020_0000, 0x4020_0000
EVENTS, BITS = 8, 3
EVENT = struct.Struct("<QHBBI")
COUNTED = {0x0300: 1, 0x0102: 4}  # counter by type
SWITCHES = {1: Payload.THREADS, 2: Payload.THREAD}  # what they tell, by the layout's version
KINDS = {
    0x0001: ("CTX_SWITCH_ENTRY", Payload.THREAD),
    0x0002: ("CTX_SWITCH_EXIT", Payload.THREAD),
    0x0102: ("TIMER_TICK", Payload.NUMBER),
    0x0300: ("SYSCALL_ENTRY", Payload.NUMBER),
    0x0301: ("SYSCALL_EXIT", Payload.RESULT),
    0xFF00: ("MARKER", Payload.NUMBER),
}


class Image:
    """Memory of a kernel in the making; addresses are handed out upwards."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.symbols: dict[str, Symbol] = {}

    def put(self, data: bytes, name: str | None = None) -> int:
        self.bytes += bytes(-len(self.bytes) % 16)
        address = BASE + len(self.bytes)
        self.bytes += data
        if name:
            self.symbols[name] = Symbol(address, len(data))
        return address

    def text(self, text: str) -> bytes:
        return struct.pack("<QQ", self.put(text.encode()), len(text))

    def kernel(self) -> Kernel:
        segment = Segment(BASE, PHYSICAL, len(self.bytes), True, b"")
        return Kernel((segment,), self.symbols)


def ring(events: list[tuple[int, int, int]], cpu: int = 0) -> bytes:
    """A ring as the kernel leaves it after these events: timestamp, type, payload."""
    slots, tallies = [bytes(EVENT.size)] * EVENTS, [0] * 5
    for index, (timestamp, kind, payload) in enumerate(events):
        counter = COUNTED.get(kind, 0)
        slots[index % EVENTS] = EVENT.pack(
            timestamp, kind, cpu, index // EVENTS % 32 << BITS | counter, payload
        )
        if index >= EVENTS and (old := COUNTED.get(events[index - EVENTS][1], 0)):
            tallies[old - 1] += 1
    dropped = max(0, len(events) - EVENTS)
    return b"".join(slots) + struct.pack("<8Q", len(events), dropped, dropped, *tallies)


def image(*cpus: list[tuple[int, int, int]], enabled: int = 1, version: int = 2) -> tuple[Kernel, bytes]:
    """A kernel that has traced these events on its processors, and a dump of it."""
    made = Image()
    provider = made.put(bytes(56))
    probes = []
    for bit, (kind, (name, payload)) in enumerate(KINDS.items()):
        head = made.text(name) + made.text("what it is")
        payload = SWITCHES[version] if name.startswith("CTX_SWITCH") else payload
        probes.append(made.put(head + struct.pack("<QQHBB", provider, 0, kind, bit, payload)))
    table = made.put(struct.pack(f"<{len(probes)}Q", *probes))
    filled = struct.pack("<QQ", 0b1111, 0) + made.text("demo") + struct.pack("<QQQ", table, len(probes), 9)
    made.bytes[provider - BASE : provider - BASE + 56] = filled
    counters = []
    for kind, number in COUNTED.items():
        head = made.text(f"{KINDS[kind][0].split('_')[0]}_TOTAL") + made.text("how many")
        values = [sum(1 for event in events if event[1] == kind) for events in cpus]
        slots = b"".join(struct.pack("<Q56x", value) for value in values)
        counters.append(made.put(head + struct.pack("<Q24x", number) + slots))
    size = EVENTS * EVENT.size
    numbers = {
        "version": version, "header_bytes": len(MAGIC) + HEADER.size, "cpus": len(cpus), "events": EVENTS,
        "event_bytes": 16, "ring_bytes": size + 64, "write_index_at": size, "read_index_at": size + 8,
        "dropped_at": size + 16, "dropped_counted_at": size + 24, "tallies": 5, "timestamp_at": 0,
        "kind_at": 8, "cpu_at": 10, "flags_at": 11, "payload_at": 12, "counter_bits": BITS,
        "counter_name_at": 0, "counter_text_at": 16, "counter_number_at": 32, "counter_slots_at": 64,
        "counter_slot_bytes": 64,
        "pointer_bytes": 8, "provider_enabled_at": 0, "provider_id_at": 48, "provider_name_at": 16,
        "provider_probes_at": 32, "probe_name_at": 0, "probe_text_at": 16, "probe_kind_at": 48,
        "probe_bit_at": 50, "probe_payload_at": 51,
        "rings": made.put(b"".join(ring(events, cpu) for cpu, events in enumerate(cpus))),
        "counters": made.put(struct.pack("<2Q", *counters)),
        "counters_count": made.put(struct.pack("<Q", len(counters))),
        "providers": made.put(struct.pack("<Q", provider)),
        "providers_count": made.put(struct.pack("<Q", 1)),
        "enabled": made.put(struct.pack("<Q", enabled)), "frequency": 1_000_000,
    }  # fmt: skip
    made.put(MAGIC + HEADER.pack(*(numbers[field.name] for field in fields(Header))), "TRACE_HEADER")
    made.put(struct.pack("<Q", 1) + made.text("write"), "TRACE_SYSCALL_NAMES")
    return made.kernel(), bytes(made.bytes)


def read(*cpus: list[tuple[int, int, int]], enabled: int = 1, version: int = 2) -> Trace:
    kernel, dumped = image(*cpus, enabled=enabled, version=version)
    return reader.read(Memory(kernel, dumped))


TICK, CALL, BACK = 0x0102, 0x0300, 0x0301
QUIET = [(100, TICK, 1), (110, CALL, 1), (120, BACK, 0xFFFF_FFDA), (130, TICK, 2)]


def test_what_the_kernel_kept_is_read() -> None:
    trace = read(QUIET)
    assert [event[:2] for event in trace.rings[0].events] == [
        (100, TICK),
        (110, CALL),
        (120, BACK),
        (130, TICK),
    ]
    assert {counter.name: counter.total for counter in trace.counters} == {
        "SYSCALL_TOTAL": 1,
        "TIMER_TOTAL": 2,
    }
    assert [probe.enabled for probe in trace.probes.values()] == [True] * 4 + [False] * 2
    assert trace.probes[CALL].provider == "demo"
    assert violations(trace, least=4, calls=1) == []


def test_what_went_is_counted_and_the_rest_is_in_order() -> None:
    many = [(100 + number, CALL if number % 2 else TICK, number) for number in range(EVENTS * 40 + 3)]
    trace = read(many)
    (one,) = trace.rings
    assert [event[0] for event in one.events] == [
        100 + number for number in range(len(many) - EVENTS, len(many))
    ]
    assert (one.dropped, one.torn) == (len(many) - EVENTS, 0)
    assert sum(one.dropped_counted) == one.dropped
    assert violations(trace, least=EVENTS) == []


def test_processors_are_merged_by_time() -> None:
    trace = read([(100, TICK, 1), (300, TICK, 2)], [(200, CALL, 1)])
    assert [(event[0], event[2]) for event in trace.merged()] == [(100, 0), (200, 1), (300, 0)]


def rewritten(place: int, data: bytes, of: list[tuple[int, int, int]] = QUIET) -> Trace:
    """The trace of an image in which some bytes of the first ring are others."""
    kernel, dumped = image(of)
    header = Header.read(Memory(kernel, dumped))
    at = header.rings - BASE + place
    return reader.read(Memory(kernel, dumped[:at] + data + dumped[at + len(data) :]))


SIZE = EVENTS * EVENT.size


@pytest.mark.parametrize(
    ("place", "data", "complaint"),
    [
        (16, bytes(8), "cpu 0: 1 torn events"),
        (16 + 11, b"\x09", "cpu 0: 1 torn events"),  # of the lap after
        (16, struct.pack("<Q", 99), "the time decreases 1 times"),
        (48 + 12, struct.pack("<I", 1), "the numbers of the ticks do not increase"),
        (16 + 8, struct.pack("<H", 0x0999), "unregistered types: 0x0999"),
        (SIZE, struct.pack("<Q", 3), "TIMER_TOTAL of cpu 0 is 2, but the ring has 1 such events"),
        (SIZE + 16, struct.pack("<Q", 1), "1 events dropped, but the first kept event has index 0"),
        (
            SIZE + 24,
            struct.pack("<Q", 1),
            "SYSCALL_TOTAL of cpu 0 is 1, but the ring has 1 such events and 1 were",
        ),
    ],
)
def test_what_is_untrue_is_complained_about(place: int, data: bytes, complaint: str) -> None:
    found = violations(rewritten(place, data), least=1)
    assert any(complaint in line for line in found), found


def test_other_things_that_make_a_trace_untrue() -> None:
    good = read(QUIET)
    for trace, least, calls, complaint in (
        (good, 5, None, "4 events, at least 5 expected"),
        (good, 4, 2, "SYSCALL_TOTAL is 1, but 2 system calls were counted from outside"),
        (read(QUIET, enabled=0), 4, None, "tracing is off"),
        (replace(good, frequency=0), 4, None, "no clock frequency"),
        (replace(good, counters=[]), 4, None, "there is no counter SYSCALL_TOTAL"),
        (read([(100, TICK, 1)]), 1, None, "SYSCALL_TOTAL is 0"),
        (read([*QUIET, (140, 0xFF00, 0)]), 5, None, "4 events, at least 5 expected"),  # a marker
    ):
        (found,) = violations(trace, least, calls)
        assert complaint in found


def test_a_dump_is_the_writable_memory_and_nothing_else() -> None:
    kernel, dumped = image(QUIET)
    asked: list[tuple[int, int]] = []

    def memory(address: int, size: int) -> bytes:
        asked.append((address, size))
        return dumped

    assert dump(kernel, memory) == dumped
    assert asked == [(PHYSICAL, len(dumped))]
    with pytest.raises(DumpError, match=f"has {len(dumped)} bytes, this one 5"):
        Memory(kernel, b"short")
    with pytest.raises(DumpError, match="are not the kernel's"):
        Memory(kernel, dumped).read(0x1000, 8)
    with pytest.raises(UserError, match="no symbol NAME"):
        kernel.symbol("NAME")


def test_a_header_of_another_kind_is_refused() -> None:
    kernel, dumped = image(QUIET)
    at = kernel.symbol("TRACE_HEADER").address - BASE
    for place in (0, 8):
        wrong = bytearray(dumped)
        wrong[at + place] ^= 0x40
        with pytest.raises(DumpError, match="version 1 or 2"):
            reader.read(Memory(kernel, bytes(wrong)))


def test_a_line_an_event_for_people() -> None:
    lines = list(timeline.lines(read(QUIET)))
    assert lines[1].split() == ["0.000010", "cpu0", "SYSCALL_ENTRY", "1", "write"]
    assert lines[2].split()[-1] == "-38"
    assert "SYSCALL_TOTAL: 1 (cpu0=1)" in lines


@pytest.mark.parametrize(
    ("version", "payloads", "threads"),
    [(1, (1 << 16 | 2, 1 << 16 | 2), (1, 2)), (2, (70_001, 1 << 31), (70_001, 1 << 31))],
)
def test_perfetto_gets_threads_and_calls(
    version: int, payloads: tuple[int, int], threads: tuple[int, int]
) -> None:
    switch = [(100, 0x0001, payloads[0]), (110, 0x0002, payloads[1]), *((t + 20, k, p) for t, k, p in QUIET)]
    written = json.loads(json.dumps(perfetto.chrome(read(switch, version=version), "demo")))["traceEvents"]
    spans = {event["name"]: event for event in written if event["ph"] == "X"}
    left, came = (spans[f"thread {thread}"] for thread in threads)
    assert (left["ts"], left["dur"]) == (0, 10)
    assert (came["ts"], came["dur"]) == (10, 40)
    call = spans["syscall 1 write"]
    assert (call["tid"], call["dur"], call["args"]["result"]) == (threads[1], 10, "-38")


def test_a_switch_of_both_versions_for_people() -> None:
    switch = [(100, 0x0001, 3 << 16 | 4), (110, 0x0002, 3 << 16 | 4)]
    shown = [[line.split()[-3:] for line in timeline.lines(read(switch, version=v))][:2] for v in (1, 2)]
    assert shown == [
        [["3", "->", "4"], ["3", "->", "4"]],
        [["cpu0", "CTX_SWITCH_ENTRY", "196612"], ["cpu0", "CTX_SWITCH_EXIT", "196612"]],
    ]
    assert timeline.as_json(read(QUIET))["counters"] == {"SYSCALL_TOTAL": [1], "TIMER_TOTAL": [2]}


def test_a_payload_of_an_unknown_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, CALL, ("SYSCALL_ENTRY", 9))
    with pytest.raises(DumpError, match="unknown payload type of an event: 9"):
        read(QUIET)


def test_what_perfetto_gets_is_as_the_trace_event_format_says() -> None:
    """Complete events, instants and metadata, with what each must have; spans of a track nest or follow."""
    begun = [
        (10, BACK, 7),
        (20, CALL, 1),
        (30, 0x0001, 1),
        (40, 0x0002, 2),
        (50, CALL, 1),
    ]
    ended = [(55, TICK, 1), (60, BACK, 0), (70, 0xFF00, 9), (80, 0x0001, 2)]
    back = [(90, 0x0002, 1), (95, BACK, 0), (96, CALL, 1)]
    document = json.loads(json.dumps(perfetto.chrome(read([*begun, *ended, *back], [(33, TICK, 1)]), "demo")))
    assert document["displayTimeUnit"] in ("ms", "ns")
    spans: dict[tuple[int, int], list[tuple[float, float]]] = {}
    named = {(event["pid"], event.get("tid")) for event in document["traceEvents"] if event["ph"] == "M"}
    for event in document["traceEvents"]:
        assert (
            isinstance(event["name"], str)
            and isinstance(event["pid"], int)
            and isinstance(event["args"], dict)
        )
        match event["ph"]:
            case "M":
                assert event["name"] in ("process_name", "thread_name")
                assert isinstance(event["args"]["name"], str)
                continue
            case "X":
                assert event["dur"] >= 0
                spans.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["dur"]))
            case "i":
                assert event["s"] in ("g", "p", "t")
            case other:
                raise AssertionError(other)
        assert isinstance(event["tid"], int) and event["ts"] >= 0
        assert (event["pid"], event["tid"]) in named
    assert len(spans) >= 3
    for of_track in spans.values():
        open_until: list[float] = []
        for start, duration in sorted(of_track, key=lambda span: (span[0], -span[1])):
            while open_until and open_until[-1] <= start:
                open_until.pop()
            assert not open_until or start + duration <= open_until[-1]
            open_until.append(start + duration)


def test_a_million_events() -> None:
    kernel, dumped = image(QUIET)
    count = 1 << 20
    header = replace(
        Header.read(Memory(kernel, dumped)),
        events=count, write_index_at=16 * count, read_index_at=16 * count + 8, dropped_at=16 * count + 16,
        dropped_counted_at=16 * count + 24, ring_bytes=16 * count + 64,
    )  # fmt: skip
    data = b"".join(EVENT.pack(number + 1, CALL, 0, 1, 0) for number in range(count))
    one = reader.ring(header, 0, data + struct.pack("<8Q", count, 0, 0, *[0] * 5))
    first: Event = (1, CALL, 0, 1, 0)
    assert (len(one.events), one.events[0], one.torn) == (count, first, 0)


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[str]]:
    kernel, _ = image(QUIET)
    monkeypatch.setattr(Kernel, "parse", lambda data, name: kernel)

    def save(dumped: bytes) -> list[str]:
        (tmp_path / "dump.bin").write_bytes(dumped)
        (tmp_path / "kernel.elf").write_bytes(b"")
        return [str(tmp_path / "dump.bin"), "--elf", str(tmp_path / "kernel.elf"), "--least", "4"]

    return save


def test_a_saved_dump_is_validated(
    saved: Callable[[bytes], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, dumped = image(QUIET)
    assert main([*saved(dumped), "--validate"]) == 0
    assert capsys.readouterr().out == "valid: 4 events\n"
    assert main([*saved(dumped), "--validate", "--calls", "7"]) == 1
    assert "7 system calls were counted" in capsys.readouterr().out
    assert main(saved(dumped)) == 0
    assert "SYSCALL_ENTRY" in capsys.readouterr().out
    assert main([*saved(b"no dump"), "--validate"]) == 3
    assert "this one 7" in capsys.readouterr().err
    assert main(["no such file", "--elf", "none"]) == 3


def test_what_is_no_elf_file_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match="not an ELF file"):
        Kernel.parse(b"text")
