"""The suites of both architectures in one command, against one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure, ratio
from parity.core.progress import LaneUse

WHAT = (
    "The suites of both architectures in one command, over one pool of lanes, and by a command each, one "
    "after the other; verdicts are not kept. Seconds are from the first lane being ready to the last "
    "verdict. The ideal of a shared pool is the sum of all its guests' `wall_s` ÷ lanes: no lane ever waits."
)
ROUNDS = 3


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT; raises UserError when the command is about one architecture only."""
    archs = bench.both()
    suites = [f"test_{arch}" for arch in archs]
    bench.here.doit(*suites)  # now all that they need is kept
    shared: list[LaneUse] = []
    apart: list[tuple[LaneUse, ...]] = []

    def in_one() -> float:
        shared.append(bench.here.doit("fresh=1", *suites).use)
        return shared[-1].span_s

    def each_alone() -> float:
        apart.append(tuple(bench.here.doit("fresh=1", suite).use for suite in suites))
        return sum(use.span_s for use in apart[-1])

    seconds = bench.in_turn({"in one": in_one, "apart": each_alone})
    return [
        ratio(
            f"{sum(use.guests for use in apart[0])} guests in one pool, against its ideal",
            seconds["in one"],
            [use.ideal_s for use in shared],
            Aim(1.05),
            ("in one", "ideal"),
        ),
        ratio(
            "in one command, against one after the other",
            seconds["in one"],
            seconds["apart"],
            None,
            ("in one", "apart"),
        ),
        ratio(
            "one after the other, against the ideal of their guests in one pool",
            seconds["apart"],
            [sum(use.ideal_s for use in uses) for uses in apart],
            None,
            ("apart", "ideal"),
        ),
    ]
