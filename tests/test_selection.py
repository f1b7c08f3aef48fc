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
    return [test.name for test in selection.choose(TESTS, failed)]


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


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_are_all_the_tests_each_once(count: int) -> None:
    shares = [names(Selection(shard=Shard(index, count))) for index in range(1, count + 1)]
    assert sorted(name for share in shares for name in share) == sorted(AREAS)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/4/2"])
def test_a_wrong_shard_is_told(text: str) -> None:
    with pytest.raises(UserError, match="INDEX/COUNT expected"):
        Shard.parse(text)


def test_what_selects_nothing_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"only=frok\*: no test has such a name; did you mean 'fork'\?"):
        names(Selection(only="frok*"))
    with pytest.raises(UserError, match=r"tag=proces: no test has it; did you mean 'process'\?"):
        names(Selection(tag="proces"))
