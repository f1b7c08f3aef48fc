"""Parity's own figures: measured side by side, printed, kept as data in benchmarks/."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import benchmarks
from benchmarks import keep, table
from benchmarks.bench import Bench
from benchmarks.figure import Record
from parity.core import host
from tasks.session import Session, current, task

BUSY = 0.5  # tasks per core that run already: half of one, and a figure says little


def task_bench() -> Iterator[Any]:
    """Measure all of Parity's figures, or one: bench:<name>; writes benchmarks/README.md"""
    parts = [
        task(f"bench:{name}", str(each.__doc__), one, name, after=["images"])
        for name, each in benchmarks.ALL.items()
    ]
    whole = task("bench", str(task_bench.__doc__), show, after=[each.name for each in parts])
    whole.has_subtask = True
    yield from (whole, *parts)


def one(name: str) -> None:
    """Measures, prints and keeps one benchmark; raises as what it runs."""
    session = current()
    benchmark, screen, load = benchmarks.ALL[name], session.screen, os.getloadavg()[0]
    if load > BUSY * host.usable_cores():
        screen.note(f"this machine is busy (load {load:.1f}): its figures say little", "yellow")
    rounds = session.settings.rounds or benchmark.ROUNDS
    lanes = session.settings.lanes
    bench = Bench(session.space, session.tree, session.suite, session.archs, lanes, rounds)
    with screen.stage(f"bench {name}"):
        measure = partial(benchmark.measure, bench)
        record = keep.measured(session.space.root, name, benchmark.WHAT, measure)
    _print(session, [record])


def show() -> None:
    """Prints all that is kept."""
    session = current()
    _print(session, keep.records(session.space.root))
    session.screen.note(str(keep.README), "dim")


def _print(session: Session, records: Sequence[Record]) -> None:
    session.screen.console.print(table.render(records))
    for note in table.notes(records):
        session.screen.note(note, "dim")
