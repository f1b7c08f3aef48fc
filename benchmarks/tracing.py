"""What tracing costs: the kernel's instructions, the reader's time."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure
from parity.build import disk
from parity.build.outputs import BuildOutputs
from parity.core.errors import InfraError
from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, LaneSize
from parity.judge.serial import render
from parity.run import suite_run
from parity.spec import suite as suites
from parity.spec.machine import RunSpec
from parity.spec.suite import Test
from parity.trace import reader
from parity.trace.layout import Header
from parity.trace.memory import Memory
from parity.trace.run import load, traced

WHAT = (
    "Guests whose emulator counts instructions (`-icount shift=0`, recording): how many the tests of the "
    "suite take from the machine's start to its end, with tracing on as it is at boot ÷ with a kernel "
    "without tracing. A system call (getpid, 10,000 times, the loop included): a nanosecond of such a guest "
    "is an instruction. And the seconds in which a ring of a million events is decoded."
)
ROUNDS = 1
WITHOUT = "untraced"
PROGRAM = "trace_cost_test"
CALLS = re.compile(r"(\d+) calls with tracing (on|off|compiled out): (\d+) ns")
COUNTING = ("-icount", "shift=0,sleep=off,rr=record,rrfile=/dev/null")
COUNTED = re.compile(r"instruction count = (\d+)")
SLOW = 20  # times the CPU seconds that a guest may use, since counting is slow
MILLION = 1 << 20


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT, for every architecture."""
    figures = []
    for arch in bench.archs:
        kernels = {
            name: suite_run.built(bench.space, bench.tree, arch, name)
            for name in (bench.tree.run.features, WITHOUT)
        }
        figures += _calls(bench, kernels)
        figures.append(_suite(bench, arch, kernels[WITHOUT].kernel))
        figures.append(_decoding(bench, arch))
    return figures


def _calls(bench: Bench, kernels: dict[str, BuildOutputs]) -> list[Figure]:
    found: dict[str, list[float]] = {}
    for _ in bench.each_round():
        for made in kernels.values():
            image = disk.whole(bench.space, bench.tree, made.arch, made.programs)
            test = Test(PROGRAM, "trace", {}, None)
            spec = _counting(suite_run.spec(bench.tree, test, made, image))
            run, _ = traced(bench.space, spec, bench.tree.panic_patterns)
            lines = CALLS.findall(render(run.lines))
            if run.judgement.verdict != "pass" or not lines:
                raise InfraError(f"{PROGRAM} {made.arch}: {run.judgement.verdict}: {run.judgement.cause}")
            for calls, state, nanoseconds in lines:
                found.setdefault(state, []).append(int(nanoseconds) / int(calls))
    return [
        Figure(f"{made.arch}: a system call, tracing {arm}", "instructions", values)
        for made in list(kernels.values())[:1]
        for arm, values in found.items()
    ]


def _suite(bench: Bench, arch: str, without: str) -> Figure:
    specs = [_counting(spec) for spec in bench.specs(arch, bench.tests(arch))]
    arms = bench.in_turn(
        {
            "on": lambda: float(_instructions(bench, specs)),
            "compiled out": lambda: float(
                _instructions(bench, [replace(spec, kernel=without) for spec in specs])
            ),
        }
    )
    ratios = [on / out for on, out in zip(arms["on"], arms["compiled out"], strict=True)]
    name = f"{arch}: instructions of {len(specs)} tests, tracing on ÷ compiled out"
    return Figure(name, "×", ratios, Aim(1.03), {f"{arm}, instructions": of for arm, of in arms.items()})


def _counting(spec: RunSpec) -> RunSpec:
    machine = replace(spec.machine, arguments=(*spec.machine.arguments, *COUNTING))
    return replace(spec, machine=machine, cpu_budget_s=SLOW * spec.cpu_budget_s)


def _instructions(bench: Bench, specs: Sequence[RunSpec]) -> int:
    """The sum for these guests, run one after another."""
    space = bench.space
    lane = DockerLane.open(space.engine, space.image("qemu").id, space.store, LaneSize.of(specs, space.store))
    try:
        return sum(_of_guest(bench, lane, spec) for spec in specs)
    finally:
        lane.close()


def _of_guest(bench: Bench, lane: DockerLane, spec: RunSpec) -> int:
    bench.space.screen.say(f"{spec.test} {spec.arch}")
    said = ""
    for message in lane.run(spec, hold=True):
        if message.kind == "hold" and message.fields["on"] and not said:
            with Inspector(lane) as inspector:
                said = inspector.monitor("info replay")
    count = COUNTED.search(said)
    if count is None:
        raise InfraError(f"{spec.test} {spec.arch}: the emulator did not count: {said or 'no orderly end'}")
    return int(count[1])


def _decoding(bench: Bench, arch: str) -> Figure:
    """A ring in this kernel's layout with a million events, which repeat real events."""
    programs = suites.load(bench.space.root / "suites" / "tracing.yaml", bench.tree.archs)
    made = suite_run.built(bench.space, bench.tree, arch)
    suite_run.complete(programs, made)
    image = disk.whole(bench.space, bench.tree, arch, made.programs)
    spec = suite_run.spec(bench.tree, programs.tests[PROGRAM], made, image)
    _, dumped = traced(bench.space, spec, bench.tree.panic_patterns)
    memory = Memory(load(bench.space, spec), dumped)
    header = Header.read(memory)
    event, lap = header.event(), header.counter_bits
    few = [each for one in reader.read(memory).rings for each in one.events]
    whole = b"".join(
        event.pack(at, kind, cpu, flags & ((1 << lap) - 1), payload)
        for at, kind, cpu, flags, payload in (few * (MILLION // len(few) + 1))[:MILLION]
    )
    end = MILLION * header.event_bytes
    large = replace(
        header,
        events=MILLION,
        write_index_at=end,
        read_index_at=end + 8,
        dropped_at=end + 16,
        dropped_counted_at=end + 24,
    )
    data = whole + struct.pack(f"<{3 + header.tallies}Q", MILLION, 0, 0, *[0] * header.tallies)
    seconds = []
    for _ in bench.each_round():
        began = time.perf_counter()
        ring = reader.ring(large, 0, data)
        seconds.append(time.perf_counter() - began)
        if len(ring.events) != MILLION:
            raise InfraError(f"{len(ring.events)} of {MILLION} events were decoded")
    return Figure(f"{arch}: a million events decoded", "s", seconds, Aim(2.0))
