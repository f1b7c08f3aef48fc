"""Selecting tests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parity.errors import UserError
from parity.matrix import Row
from parity.selection import Selection, Shard, failed_last
from parity.suite import Test
from parity.verdict import Verdict

AREAS = {"fork": "process", "fork_memory": "process", "dup": "file", "pipe": "pipe", "cat": "coreutils"}
TESTS = [Test(name, area, {"aarch64": Verdict.PASS}, None) for name, area in AREAS.items()]
TESTS[2] = replace(TESTS[2], tags=("quick",))


def names(selection: Selection, failed: tuple[str, ...] = ()) -> list[str]:
    return [test.name for test in selection.choose(TESTS, "aarch64", failed)]


def test_nothing_said_is_everything() -> None:
    assert names(Selection()) == list(AREAS)


def test_a_glob_a_tag_an_area() -> None:
    assert names(Selection(only="fork*")) == ["fork", "fork_memory"]
    assert names(Selection(tag="quick")) == ["dup"]
    assert names(Selection(tag="process")) == ["fork", "fork_memory"]
    assert names(Selection(only="*o*", tag="process")) == ["fork", "fork_memory"]


def test_those_that_failed_last() -> None:
    row = Row("fork", "aarch64", "process", "pass", "pass", None, "")
    rows = [
        row,
        replace(row, name="dup", verdict="hang"),
        replace(row, name="cat", verdict="missing"),
        replace(row, name="pipe", verdict="not_run", last="fail"),
        replace(row, name="fork_memory", verdict="not_run"),
        replace(row, name="fork", arch="x86_64", verdict="fail"),
    ]
    failed = failed_last(rows, "aarch64")
    assert failed == ["dup", "pipe"]
    assert names(Selection(last_failed=True), tuple(failed)) == ["dup", "pipe"]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shards_are_all_the_tests_each_once(count: int) -> None:
    shares = [names(Selection(shard=Shard(index, count))) for index in range(1, count + 1)]
    assert sorted(name for share in shares for name in share) == sorted(AREAS)


LONG = "9" * 5000


@pytest.mark.parametrize(
    "text",
    ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2", "\u0661/4", "1/4\n", f"1/{LONG}"],
)
def test_a_wrong_shard_is_told(text: str) -> None:
    with pytest.raises(UserError, match="INDEX/COUNT expected"):
        Shard.parse(text)


def test_what_selects_nothing_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"only=frok\*: no test has such a name; did you mean 'fork'\?"):
        names(Selection(only="frok*"))
    with pytest.raises(UserError, match=r"tag=proces: no test has it; did you mean 'process'\?"):
        names(Selection(tag="proces"))


def nothing(selection: Selection, tests: list[Test] = TESTS, failed: tuple[str, ...] = ()) -> str:
    """What is said where nothing is selected."""
    with pytest.raises(UserError) as caught:
        selection.choose(tests, "aarch64", failed)
    return caught.value.message


def test_a_name_and_a_tag_without_a_common_test_are_told() -> None:
    assert nothing(Selection(only="dup", tag="pipe")) == "only=dup and tag=pipe have no test in common"


def test_an_empty_share_is_told() -> None:
    assert nothing(Selection(shard=Shard(99, 100))) == "shard 99 of 100 is empty: there are 5 tests"
    assert nothing(Selection(only="fork*", shard=Shard(3, 3))) == "shard 3 of 3 is empty: there are 2 tests"
    assert nothing(Selection(tag="quick", shard=Shard(2, 2))) == "shard 2 of 2 is empty: there is 1 test"


def test_no_failure_to_repeat_is_told() -> None:
    assert nothing(Selection(last_failed=True)) == "last_failed=1: no test failed the last time on aarch64"
    assert nothing(Selection(only="fork*", last_failed=True), failed=("dup",)) == (
        "last_failed=1: no test of the 2 selected failed the last time on aarch64"
    )


ABSENT = replace(TESTS[3], expected={"aarch64": Verdict.MISSING}, reason="pipes are not there yet")


def test_tests_without_a_program_are_nothing_to_run() -> None:
    tests = [*TESTS[:3], ABSENT]
    assert nothing(Selection(only="pipe"), tests) == (
        "nothing to run on aarch64: there is no program for pipe (pipes are not there yet)"
    )
    assert nothing(Selection(), [ABSENT]).startswith("nothing to run on aarch64")
    assert nothing(Selection(last_failed=True), tests, ("pipe",)).startswith("last_failed=1: no test failed")
    assert nothing(Selection(), []) == "there is no test to select from"


def test_every_share_has_something_to_run_as_long_as_there_is() -> None:
    tests = [replace(ABSENT, name=f"a{number}") for number in range(9)] + TESTS
    shares = [Selection(shard=Shard(index, 5)).choose(tests, "aarch64") for index in range(1, 6)]
    assert sorted(test.name for share in shares for test in share) == sorted(test.name for test in tests)
    assert all(any(test in TESTS for test in share) for share in shares)
    assert nothing(Selection(shard=Shard(6, 6)), tests) == "shard 6 of 6 is empty: there are 5 tests"
