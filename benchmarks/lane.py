"""What a lane costs the guest in it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import plain_guest
from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure, ratio
from parity.guest.lane import DockerLane, LaneSize

WHAT = (
    "Guests one after another in a lane, against the same emulator, kernels, disks and tests one after "
    "another in a plain container, without supervisor and QMP: the sum of the times from an emulator's "
    "start to its being reaped, taken inside the container in both."
)
ROUNDS = 7
TESTS = 8


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    names = bench.tests(bench.arch)
    # Some, evenly over the suite's order.
    space, specs = bench.space, bench.specs(bench.arch, names[:: max(1, len(names) // TESTS)][:TESTS])
    engine, store, qemu = space.engine, space.store, space.image("qemu").id
    lane = DockerLane.open(engine, qemu, store, LaneSize.of(specs, store))
    try:
        arms = bench.in_turn(
            {
                "lane": lambda: sum(bench.passed(lane, spec).wall_s for spec in specs),
                "plain": lambda: sum(plain_guest.seconds(engine, qemu, store, specs)),
            }
        )
    finally:
        lane.close()
    name = f"{bench.arch}: {len(specs)} guests in a lane against a plain container"
    return [ratio(name, arms["lane"], arms["plain"], Aim(1.1), ("lane", "plain"))]
