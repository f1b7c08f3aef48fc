"""Stores records as data in `results/`, and writes the README from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from benchmarks import figure, table
from benchmarks.figure import Figure, Record
from parity.core import command, host
from parity.run.evidence_runner import now

RESULTS, README = Path("benchmarks", "results"), Path("benchmarks", "README.md")


def measured(root: Path, bench: str, what: str, measure: Callable[[], Sequence[Figure]]) -> Record:
    """Measures, and stores the record under the checkout's `root`; raises as `measure`."""
    load, began = os.getloadavg()[0], monotonic()
    figures = measure()
    seconds = monotonic() - began
    record = Record(bench, what, now(), host.host_class(), _revision(root), load, seconds, figures)
    figure.save(root / RESULTS, record)
    host.write_whole(root / README, table.readme(records(root)).encode(), root / "build")
    return record


def records(root: Path) -> list[Record]:
    """All stored records, by name."""
    return [figure.load(place) for place in sorted((root / RESULTS).glob("*.json"))]


def _revision(root: Path) -> str:
    """The commit of the checkout, with a + when it holds changes; "" where git does not say."""
    lines: list[str] = []
    argv = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    return lines[0] if command.run(argv, lines.append) == 0 and lines else ""
