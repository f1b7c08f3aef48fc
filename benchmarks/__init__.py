"""Benchmarks of Parity: every claim about speed, measured side by side and stored as data in `results/`.

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
    """The interface of a benchmark module."""

    WHAT: str
    ROUNDS: int
    __doc__: str | None

    def measure(self, bench: Bench) -> Sequence[Figure]:
        """Measures; raises what its commands and stages raise."""


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
