"""What the same test takes on one architecture and on the other."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Figure, ratio
from parity.guest.lane import DockerLane, LaneSize
from parity.spec.machine import RunSpec

WHAT = (
    "The guest's time of every test that passes on both architectures, from the kernel's hello to its "
    "shutdown, one guest at a time in one lane, the architectures in turn: the second ÷ the first. Both are "
    "emulated, by emulators of different speed: it says where to look, not which kernel is better."
)
ROUNDS = 5


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT; raises UserError when the command is about one architecture only."""
    first, second = archs = bench.both()
    names = [name for name in bench.tests(first) if name in bench.tests(second)]
    specs = {arch: dict(zip(names, bench.specs(arch, names), strict=True)) for arch in archs}
    space, every = bench.space, [spec for of_arch in specs.values() for spec in of_arch.values()]
    size = LaneSize.of(every, space.store)
    lane = DockerLane.open(space.engine, space.image("qemu").id, space.store, size)
    seconds: dict[RunSpec, list[float]] = {spec: [] for spec in every}
    try:
        for number in bench.each_round():
            for name in names:
                for arch in archs if number % 2 == 0 else reversed(archs):
                    spec = specs[arch][name]
                    seconds[spec].append(bench.passed(lane, spec).guest_s or 0.0)
    finally:
        lane.close()
    per_test = [
        ratio(name, seconds[specs[second][name]], seconds[specs[first][name]], None, (second, first))
        for name in names
    ]
    of_second, of_first = (
        [sum(times) for times in zip(*(seconds[specs[arch][name]] for name in names), strict=True)]
        for arch in (second, first)
    )
    whole = ratio(f"all {len(names)} tests: {second} ÷ {first}", of_second, of_first, None, (second, first))
    return [whole, *per_test]
