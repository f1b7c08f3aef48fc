"""How many guests boot in a second."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Figure

GUESTS, LANES = 50, 2
WHAT = (
    f"`doit lanes={LANES} boot_parallel:{GUESTS}`: guests that boot to the first user program, a second, "
    "from the first lane being ready to the last verdict."
)
ROUNDS = 3


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    uses = [bench.here.doit(f"lanes={LANES}", f"boot_parallel:{GUESTS}").use for _ in bench.each_round()]
    boots = [use.guests / use.span_s for use in uses]
    name = f"{uses[0].guests} boots over {uses[0].lanes} lanes"
    return [Figure(name, "a second", boots, arms={"span": [use.span_s for use in uses]})]
