"""What it costs to be told that nothing has changed."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure, ratio

WHAT = "`./doit test_<architecture>` with nothing changed, against `./doit list`, which does no work at all."
ROUNDS = 10


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT; the wrapper is part of both."""
    test, wrapper = f"test_{bench.arch}", str(bench.space.root / "doit")
    bench.here.doit(test)  # what has changed is made now
    seconds = bench.in_turn(
        {
            test: lambda: bench.here.run([wrapper, test]).seconds,
            "list": lambda: bench.here.run([wrapper, "list"]).seconds,
        }
    )
    return [
        ratio(f"{test} against list", seconds[test], seconds["list"], Aim(4), (test, "list")),
        Figure(f"{test}, about a second", "s", seconds[test]),
    ]
