"""Which of a suite's tests: by glob, by tag, those that failed last, one share of several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parity.errors import UserError, shown
from parity.matrix import Row
from parity.suite import Test
from parity.yamlfile import nearest


@dataclass(frozen=True)
class Shard:
    """Share `index` (from 1) of `count`: every count-th test by name."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The inverse of "1/4".

        Raises:
            UserError: not of that form, or an index outside 1 to count.
        """
        form = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
        if form is None or not 1 <= int(form[1]) <= int(form[2]):
            raise UserError(f"shard={shown(text)}: INDEX/COUNT expected, such as 1/4")
        return cls(int(form[1]), int(form[2]))


@dataclass(frozen=True)
class Selection:
    """What was asked for; everything empty selects all."""

    only: str = ""  # a glob over names
    tag: str = ""
    last_failed: bool = False
    shard: Shard | None = None

    def choose(self, tests: Sequence[Test], failed: Iterable[str]) -> list[Test]:
        """The tests selected, in their order; `failed` are the names that failed last.

        Raises:
            UserError: the glob or the tag selects nothing.
        """
        chosen = [test for test in tests if not self.only or fnmatchcase(test.name, self.only)]
        if not chosen:
            raise UserError(f"only={self.only}: no test has such a name; {_near(self.only, tests)}")
        if self.tag:
            tags = {tag for test in tests for tag in test.all_tags}
            if self.tag not in tags:
                raise UserError(f"tag={self.tag}: no test has it; {nearest(self.tag, tags)}")
            chosen = [test for test in chosen if self.tag in test.all_tags]
        if self.last_failed:
            names = set(failed)
            chosen = [test for test in chosen if test.name in names]
        if self.shard:
            mine = sorted(test.name for test in tests)[self.shard.index - 1 :: self.shard.count]
            chosen = [test for test in chosen if test.name in mine]
        return chosen


def failed_last(rows: Iterable[Row], arch: str) -> list[str]:
    """Names whose last verdict on an architecture was neither a pass nor that there is nothing to run."""
    fine = ("pass", "missing")
    return [
        row.name for row in rows if row.arch == arch and (row.last or row.verdict) not in (*fine, "not_run")
    ]


def _near(glob: str, tests: Sequence[Test]) -> str:
    return nearest(glob.strip("*"), [test.name for test in tests])
