"""What a kernel's trace says, against what can be seen from outside; and the dumps on its console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from checkout import Checkout

from parity.build.elf import Kernel
from parity.guest.gdb import EXTRA, Stub
from parity.guest.lane import DockerLane, LaneSize, Message
from parity.spec.machine import RunSpec
from parity.trace import reader
from parity.trace.__main__ import main
from parity.trace.memory import Memory
from parity.trace.run import ENTRIES, counted, load
from parity.trace.validate import LEAST_EVENTS, violations
from tasks import session
from tasks.session import Session
from tasks.trace import programs, spec_of

pytestmark = pytest.mark.docker
ARCHS = ("aarch64", "x86_64")
EVENT = re.compile(r"0 \d+ \d+ 0x[0-9a-f]{4} [A-Z_]+ \d+")
NO_FILE_SYSTEM = 1 << 20  # zero bytes of a disk, of which the kernel cannot boot
HEADER = "# cpu idx timestamp type name payload"


@pytest.fixture(scope="module")
def ours(here: Checkout) -> Session:
    return session.begin(here.folder, {}, [])


@pytest.fixture
def lane(ours: Session) -> Iterator[DockerLane]:
    spec = spec_of(ours, ARCHS[0], "true_test")
    size = LaneSize.of([spec], ours.space.store)
    opened = DockerLane.open(ours.space.engine, ours.space.image("qemu").id, ours.space.store, size)
    yield opened
    opened.close()


def test_the_programs_that_read_proc(ours: Session, here: Checkout) -> None:
    """What passed before under the same keys is not run again: in a warm store this costs a second."""
    status, output = here.doit(*(f"proc_{arch}" for arch in ARCHS))
    assert status == 0, output
    for arch in ARCHS:
        for name in programs(ours).tests:
            assert re.search(rf"{name} +{arch} +pass", output), output


@pytest.mark.parametrize("arch", ARCHS)
def test_every_call_is_counted(ours: Session, tmp_path: Path, arch: str) -> None:
    """A short program; `doit trace_validate_<architecture>` does it with a longer one."""
    spec = spec_of(ours, arch, "getdents_test")
    calls, dumped = counted(ours.space, spec)
    trace = reader.read(Memory(load(ours.space, spec), dumped))
    assert calls > 20
    assert violations(trace, least=LEAST_EVENTS, calls=calls) == []
    assert violations(trace, least=LEAST_EVENTS, calls=calls + 1) != []
    saved, elf = tmp_path / "dump.bin", ours.space.store.local(spec.kernel)
    saved.write_bytes(dumped)
    command = [str(saved), "--elf", str(elf), "--validate", "--calls"]
    assert main([*command, str(calls)]) == 0
    assert main([*command, str(calls - 1)]) == 1


@pytest.mark.parametrize("arch", ARCHS)
def test_a_dump_on_request(ours: Session, lane: DockerLane, arch: str) -> None:
    spec = spec_of(ours, arch, "fork_memory_test")
    lines = asked(lane, spec, load(ours.space, spec), b"\x145l\x140p\x14c\x14x")
    ends = [number for number, line in enumerate(lines) if line.startswith("# CPU 0 (")]
    assert lines[ends[0] - 1 : ends[0] + 1] == [HEADER, "# CPU 0 (5 events)"]
    assert all(EVENT.fullmatch(line) for line in lines[ends[0] + 1 : ends[0] + 6])
    whole = int(lines[ends[1]].split("(")[1].split()[0])
    assert whole > 5
    assert all(EVENT.fullmatch(line) for line in lines[ends[1] + 1 : ends[1] + 1 + whole])
    after = lines[ends[1] + 1 + whole :]
    assert after[0] == "# 4 registered counters"
    assert sorted(line.split(":")[0] for line in after[1:5]) == [
        "CTX_SWITCH_TOTAL",
        "IRQ_TOTAL",
        "SYSCALL_TOTAL",
        "TIMER_TICK_TOTAL",
    ]


def asked(lane: DockerLane, spec: RunSpec, kernel: Kernel, typed: bytes) -> list[str]:
    """Types on the console of a guest when its first program has just entered the kernel; all lines there."""
    messages = lane.run(spec, paused=True, extra=EXTRA)
    next(messages)
    stub, entry = Stub(lane), ENTRIES[spec.arch]
    address = kernel.symbol(entry.symbol).address + entry.offset
    stub.ask(f"Z1,{address:x},4")
    stub.ask("c")
    stub.ask(f"z1,{address:x},4")
    lane.write("serial", typed)
    stub.send("c")
    return console(messages)


def console(messages: Iterator[Message]) -> list[str]:
    found = b"".join(message.data for message in messages if message.kind == "serial")
    return found.decode(errors="replace").replace("\r", "").splitlines()


@pytest.mark.parametrize("arch", ARCHS)
def test_a_dump_in_a_panic(ours: Session, lane: DockerLane, arch: str) -> None:
    spec = replace(spec_of(ours, arch, "true_test"), disk=ours.space.store.put_bytes(bytes(NO_FILE_SYSTEM)))
    lines = console(lane.run(spec))
    begin = next(number for number, line in enumerate(lines) if line.startswith("KERNEL PANIC: "))
    assert lines[begin + 1] == HEADER
    head = re.fullmatch(r"# CPU 0 \((\d+) events\)", lines[begin + 2])
    assert head
    count = int(head[1])
    assert 1 <= count <= 32
    assert all(EVENT.fullmatch(line) for line in lines[begin + 3 : begin + 3 + count])
    assert lines[begin + 3 + count] == "# 4 registered counters"
    assert [line for line in lines[begin + 4 + count :] if line] != []
