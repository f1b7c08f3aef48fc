"""The judge and the tests, judged: canary × verdict, planted fault × tests that catch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from parity.canary import Canary
from parity.evidence import Evidence
from parity.planted import Catches


def canaries(flock: Sequence[Canary], seen: Mapping[str, Evidence]) -> Table:
    """A line per canary: what it must earn, what it earned, why."""
    table = Table(box=None, pad_edge=False)
    for title in ("canary", "must earn", "earned", "cause"):
        table.add_column(title, no_wrap=title != "cause")
    for canary in flock:
        found = seen[canary.name]
        look = "green" if canary.earned(found) else "bold red"
        table.add_row(
            Text(canary.name), canary.expected[found.arch], Text(found.verdict, look), Text(found.cause)
        )
    return table


def faults(catches: Catches) -> Table:
    """A line per planted fault: the tests that turned red under it."""
    table = Table(box=None, pad_edge=False)
    table.add_column("planted fault", no_wrap=True)
    table.add_column("caught by", justify="right", no_wrap=True)
    table.add_column("tests")
    for fault, tests in catches.by_fault().items():
        table.add_row(Text(fault), Text(str(len(tests)), "" if tests else "bold red"), Text(", ".join(tests)))
    return table
