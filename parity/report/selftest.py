"""Tables of the self-tests: canaries and verdicts, planted faults and tests, crates and mutants."""

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
    """A row per canary: expected result, and actual result on each architecture."""
    table = Table(box=None, pad_edge=False)
    for title in ("canary", "expected", *archs):
        table.add_column(title, no_wrap=True)
    for canary in all_canaries:
        found = [seen[arch, canary.name] for arch in archs]
        looks = ["green" if canary.as_expected(each) else "bold red" for each in found]
        actual = [
            Text(_end(each.verdict, each.failure_kind), look) for each, look in zip(found, looks, strict=True)
        ]
        expected = dict.fromkeys(_end(canary.expected[arch], canary.words.get(arch)) for arch in archs)
        table.add_row(Text(canary.name), "; ".join(expected), *actual)
    return table


def unexpected(all_canaries: Sequence[Canary], seen: Seen) -> list[str]:
    """A sentence per guest with an unexpected result."""
    lines = []
    for canary, found in parity.selftest.canary.unexpected(all_canaries, seen):
        expected = _end(canary.expected[found.arch], canary.words.get(found.arch))
        texts = [each[found.arch] for each in (canary.says, canary.explains) if found.arch in each]
        says = "".join(f" with {text!r}" for text in texts)
        cause = f"{found.cause}; {found.sentence}" if found.sentence else found.cause
        actual = _end(found.verdict, found.failure_kind)
        lines.append(f"{canary.name} on {found.arch}: expected {expected}{says}, but it is {actual}: {cause}")
    return lines


def _end(verdict: str, failure_kind: str | None) -> str:
    return f"{verdict} ({failure_kind})" if failure_kind else verdict


def confusion(matrix: Confusion, what: str) -> Grid:
    """A row per expected result, a column per actual result."""
    rows = []
    for expected in matrix.names:
        counts = [matrix.count(expected, actual) for actual in matrix.names]
        wrong = sum(counts) > matrix.count(expected, expected)
        rows.append(("bold red" if wrong else "", [expected, *(str(count or "·") for count in counts)]))
    return Grid([f"{what}: expected ↓, actual →", *(f"{name} " for name in matrix.names)], rows)


def mutants(counted: Mapping[str, Counter[str]]) -> Table:
    """A row per crate: the number of its mutants that were caught, missed, timed out, did not compile."""
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
    """A row per planted fault: the tests that failed with it."""
    table = Table(box=None, pad_edge=False)
    table.add_column("planted fault", no_wrap=True)
    table.add_column("detected by", justify="right", no_wrap=True)
    table.add_column("tests")
    for fault, tests in results.by_fault().items():
        table.add_row(Text(fault), Text(str(len(tests)), "" if tests else "bold red"), Text(", ".join(tests)))
    return table
