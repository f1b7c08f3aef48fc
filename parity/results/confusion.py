"""The confusion matrix of the judge: how often guests with one expected result got another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Confusion:
    """Counts of guests by expected and actual result, in the order of `names`."""

    names: tuple[str, ...]
    counts: Counter[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], order: Sequence[str]) -> Confusion:
        """From pairs of expected and actual result; only results that occur have a row and a column."""
        counts = Counter(pairs)
        seen = {name for pair in counts for name in pair}
        return cls(tuple(name for name in order if name in seen), counts)

    def count(self, expected: str, actual: str) -> int:
        """Guests with this expected and this actual result."""
        return self.counts[expected, actual]

    @property
    def right(self) -> int:
        """Guests on the diagonal."""
        return sum(count for (expected, actual), count in self.counts.items() if expected == actual)

    @property
    def wrong(self) -> int:
        """Guests off the diagonal."""
        return self.counts.total() - self.right
