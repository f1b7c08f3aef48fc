"""What the lanes lose between guests."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure

WHAT = (
    "The whole suite with kernel and disks kept and verdicts not: from the first lane being ready to "
    "the last verdict × lanes ÷ the sum of all guests' `wall_s` (emulator's start to its being reaped)."
)
ROUNDS = 5


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT, for every architecture."""
    return [_measure(bench, arch) for arch in bench.archs]


def _measure(bench: Bench, arch: str) -> Figure:
    bench.here.doit(f"test_{arch}")  # now all that it needs is kept
    uses = [bench.here.doit("fresh=1", f"test_{arch}").use for _ in bench.each_round()]
    return Figure(
        f"{arch}: {uses[0].guests} guests on {uses[0].lanes} lanes, against the ideal",
        "×",
        [use.span_s / use.ideal_s for use in uses],
        Aim(1.2),
        {"first lane to last verdict": [use.span_s for use in uses], "ideal": [use.ideal_s for use in uses]},
    )
