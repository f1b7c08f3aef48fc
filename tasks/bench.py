"""Benchmarks of Parity: measure, print, and store the figures in benchmarks/results/."""

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

BUSY = 0.5  # load per core above which figures are not reliable


def task_bench() -> Iterator[Any]:
    """Measure all of Parity's figures, or one: bench:<name>; writes benchmarks/README.md"""
    parts = [
        task(f"bench:{name}", str(each.__doc__), one, name, after=["images"])
        for name, each in benchmarks.ALL.items()
    ]
    every = task("bench", str(task_bench.__doc__), show, after=[each.name for each in parts])
    every.has_subtask = True
    yield from (every, *parts)


def one(name: str) -> None:
    """Measures, prints and stores one benchmark; raises what its commands raise."""
    session = current()
    benchmark, screen, load = benchmarks.ALL[name], session.screen, os.getloadavg()[0]
    if load > BUSY * host.usable_cores():
        screen.note(f"this machine is busy (load {load:.1f}): its figures are not reliable", "yellow")
    rounds = session.settings.rounds or benchmark.ROUNDS
    lanes = session.settings.lanes
    bench = Bench(session.space, session.tree, session.suite, session.archs, lanes, rounds)
    with screen.stage(f"bench {name}"):
        measure = partial(benchmark.measure, bench)
        record = keep.measured(session.space.root, name, benchmark.WHAT, measure)
    _print(session, [record])


def show() -> None:
    """Prints all stored figures."""
    session = current()
    _print(session, keep.records(session.space.root))
    session.screen.note(str(keep.README), "dim")


def _print(session: Session, records: Sequence[Record]) -> None:
    session.screen.console.print(table.render(records))
    for note in table.notes(records):
        session.screen.note(note, "dim")
