"""Parity's own figures: what is claimed of speed, measured side by side and kept as data in `results/`.

A benchmark is a module here with `WHAT` (what it measures, in a sentence), `ROUNDS` (how often, unless
`rounds=` says otherwise) and `measure`. `doit bench` runs all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from benchmarks import (
    boots,
    both_suites,
    canaries,
    guest_time,
    kthread,
    lane,
    one_program,
    restore,
    shell_way,
    suite,
    tracing,
    unchanged,
)
from benchmarks.bench import Bench
from benchmarks.figure import Figure


class Benchmark(Protocol):
    """What a module here has."""

    WHAT: str
    ROUNDS: int
    __doc__: str | None

    def measure(self, bench: Bench) -> Sequence[Figure]:
        """Measures; raises as the commands and stages that it uses."""


ALL: Mapping[str, Benchmark] = {
    "suite": suite,
    "lane": lane,
    "unchanged": unchanged,
    "one_program": one_program,
    "restore": restore,
    "shell_way": shell_way,
    "kthread": kthread,
    "both_suites": both_suites,
    "guest_time": guest_time,
    "boots": boots,
    "canaries": canaries,
    "tracing": tracing,
}
