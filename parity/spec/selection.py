"""Selects tests of a suite: by name pattern, by tag, by their last result, by shard."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from parity.core.errors import UserError, shown
from parity.core.row import Row
from parity.core.yamlfile import nearest
from parity.judge.verdict import Verdict
from parity.spec.suite import Test

NAMES_SHOWN = 5  # names in an error message


@dataclass(frozen=True)
class Shard:
    """Shard `index` (from 1) of `count`: every count-th test by name; tests that can run come first."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The inverse of "1/4".

        Raises:
            UserError: not of that form, or an index outside 1 to count.
        """
        numbers = re.fullmatch("([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text)
        if not numbers or int(numbers[1]) > int(numbers[2]):
            raise UserError(f"shard={shown(text)}: INDEX/COUNT expected, such as 1/4")
        return cls(int(numbers[1]), int(numbers[2]))

    def share(self, tests: Sequence[Test], arch: str) -> list[Test]:
        """The tests of this shard, in their order. Raises UserError if none of them can run."""
        able = can_run(tests, arch)
        ranked = sorted(tests, key=lambda test: (test not in able, test.name))
        mine = ranked[self.index - 1 :: self.count]
        if not can_run(mine, arch):
            there = f"there are {len(able)} tests" if len(able) != 1 else "there is 1 test"
            raise UserError(f"shard {self.index} of {self.count} is empty: {there}")
        return [test for test in tests if test in mine]


@dataclass(frozen=True)
class Selection:
    """The selection on the command line; empty fields select all tests."""

    only: str = ""  # a pattern for names
    tag: str = ""
    last_failed: bool = False
    shard: Shard | None = None

    def choose(self, tests: Sequence[Test], arch: str, failed: Collection[str] = ()) -> list[Test]:
        """The selected tests on an architecture, in their order; `failed`: the tests that failed last time.

        Raises:
            UserError: no selected test can run on this architecture.
        """
        chosen = self.matching(tests)
        require(chosen, arch)
        if self.shard:
            chosen = self.shard.share(chosen, arch)
        if not self.last_failed:
            return chosen
        again = [test for test in chosen if test.name in failed]
        if not can_run(again, arch):
            of = f" of the {len(chosen)} selected" if len(chosen) < len(tests) else ""
            raise UserError(f"last_failed=1: no test{of} failed the last time on {arch}")
        return again

    def matching(self, tests: Sequence[Test]) -> list[Test]:
        """The tests with the requested name and tag, in their order.

        Raises:
            UserError: there are none.
        """
        if not tests:
            raise UserError("there is no test to select from")
        named = [test for test in tests if not self.only or fnmatchcase(test.name, self.only)]
        if not named:
            raise UserError(f"only={self.only}: no test has such a name; {_near(self.only, tests)}")
        tags = {tag for test in tests for tag in test.all_tags}
        if self.tag and self.tag not in tags:
            raise UserError(f"tag={self.tag}: no test has it; {nearest(self.tag, tags)}")
        both = [test for test in named if not self.tag or self.tag in test.all_tags]
        if not both:
            raise UserError(f"only={self.only} and tag={self.tag} have no test in common")
        return both


def can_run(tests: Iterable[Test], arch: str) -> list[Test]:
    """The tests that have a program on an architecture, according to the suite."""
    return [test for test in tests if test.expected[arch] is not Verdict.MISSING]


def require(tests: Sequence[Test], arch: str) -> None:
    """Raises if none of the tests can run on an architecture, because a run of no tests is not a success.

    Raises:
        UserError: with the names of the tests, and why they cannot run.
    """
    if can_run(tests, arch):
        return
    names = ", ".join(test.name for test in tests[:NAMES_SHOWN]) + (", …" if len(tests) > NAMES_SHOWN else "")
    reasons = "; ".join(dict.fromkeys(test.reason for test in tests if test.reason))
    raise UserError(f"nothing to run on {arch}: there is no program for {names} ({reasons})")


def failed_last(rows: Iterable[Row], arch: str) -> list[str]:
    """The names of tests whose last verdict on an architecture was neither `pass` nor `missing`."""
    fine = ("pass", "missing")
    return [
        row.name for row in rows if row.arch == arch and (row.last or row.verdict) not in (*fine, "not_run")
    ]


def _near(glob: str, tests: Sequence[Test]) -> str:
    return nearest(glob.strip("*"), [test.name for test in tests])
