"""Tables of the self-tests: canary × verdict, planted fault × tests that detect it, crate × mutants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

import parity.selftest.canary
from parity.report.grid import Grid
from parity.results.confusion import Confusion
from parity.selftest.canary import Canary, Seen
from parity.selftest.planted_faults import FaultResults


def canaries(all_canaries: Sequence[Canary], seen: Seen, archs: Sequence[str]) -> Table:
    """A line per canary: what it must earn, what it earned on each architecture."""
    table = Table(box=None, pad_edge=False)
    for title in ("canary", "must earn", *archs):
        table.add_column(title, no_wrap=True)
    for canary in all_canaries:
        found = [seen[arch, canary.name] for arch in archs]
        looks = ["green" if canary.earned(each) else "bold red" for each in found]
        earned = [Text(_end(each.verdict, each.word), look) for each, look in zip(found, looks, strict=True)]
        must = dict.fromkeys(_end(canary.expected[arch], canary.words.get(arch)) for arch in archs)
        table.add_row(Text(canary.name), "; ".join(must), *earned)
    return table


def unearned(all_canaries: Sequence[Canary], seen: Seen) -> list[str]:
    """A sentence per guest that is not what it must be."""
    lines = []
    for canary, found in parity.selftest.canary.unearned(all_canaries, seen):
        must = _end(canary.expected[found.arch], canary.words.get(found.arch))
        texts = [each[found.arch] for each in (canary.says, canary.explains) if found.arch in each]
        says = "".join(f" and say {text!r}" for text in texts)
        cause = f"{found.cause}; {found.sentence}" if found.sentence else found.cause
        earned = _end(found.verdict, found.word)
        lines.append(f"{canary.name} on {found.arch}: must earn {must}{says}, earned {earned}: {cause}")
    return lines


def _end(verdict: str, word: str | None) -> str:
    return f"{verdict} ({word})" if word else verdict


def confusion(matrix: Confusion, what: str) -> Grid:
    """A row per thing that must be earned, a column per thing that was."""
    rows = []
    for expected in matrix.names:
        counts = [matrix.count(expected, earned) for earned in matrix.names]
        wrong = sum(counts) > matrix.count(expected, expected)
        rows.append(("bold red" if wrong else "", [expected, *(str(count or "·") for count in counts)]))
    return Grid([f"{what}: must earn ↓, earned →", *(f"{name} " for name in matrix.names)], rows)


def mutants(counted: Mapping[str, Counter[str]]) -> Table:
    """A line per crate: how many of its mutants were caught, missed, never ended, did not compile."""
    table = Table(box=None, pad_edge=False)
    outcomes = ("caught", "missed", "timeout", "unviable")
    table.add_column("crate", no_wrap=True)
    for outcome in outcomes:
        table.add_column(outcome, justify="right", no_wrap=True)
    for crate, counts in counted.items():
        table.add_row(crate, *(str(counts[outcome]) for outcome in outcomes))
    every = sum(counted.values(), Counter[str]())
    table.add_row("all", *(str(every[outcome]) for outcome in outcomes))
    return table


def faults(results: FaultResults) -> Table:
    """A line per planted fault: the tests that fail under it."""
    table = Table(box=None, pad_edge=False)
    table.add_column("planted fault", no_wrap=True)
    table.add_column("detected by", justify="right", no_wrap=True)
    table.add_column("tests")
    for fault, tests in results.by_fault().items():
        table.add_row(Text(fault), Text(str(len(tests)), "" if tests else "bold red"), Text(", ".join(tests)))
    return table
