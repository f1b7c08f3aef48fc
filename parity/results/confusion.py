"""The confusion matrix of the judge: how often guests that must earn this earned that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Confusion:
    """Counts of guests by what they must earn and what they earned, in the order of `names`."""

    names: tuple[str, ...]
    counts: Counter[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], order: Sequence[str]) -> Confusion:
        """From what each guest must earn and what it earned; only what occurs has a row and a column."""
        counts = Counter(pairs)
        seen = {name for pair in counts for name in pair}
        return cls(tuple(name for name in order if name in seen), counts)

    def count(self, expected: str, earned: str) -> int:
        """Guests that must earn the one and earned the other."""
        return self.counts[expected, earned]

    @property
    def right(self) -> int:
        """Guests on the diagonal."""
        return sum(count for (expected, earned), count in self.counts.items() if expected == earned)

    @property
    def wrong(self) -> int:
        """Guests off the diagonal."""
        return self.counts.total() - self.right
