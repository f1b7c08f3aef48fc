"""Equal, different, unknown: two architectures side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parity.compare import arch_diff
from parity.compare.arch_diff import State
from parity.core.row import Row

ARCHS = ("aarch64", "x86_64")
A = Row("fork_test", "aarch64", "process", "pass", "pass", None, "", guest_s=0.2)
X = replace(A, arch="x86_64", guest_s=0.3)


@pytest.mark.parametrize(
    ("a", "x", "expected"),
    [
        ("pass", "pass", State.EQUAL),
        ("missing", "missing", State.EQUAL),
        ("fail", "fail", State.EQUAL),
        ("pass", "hang", State.DIFFERS),
        ("pass", "missing", State.DIFFERS),
        ("pass", "not_run", State.UNKNOWN),
        ("not_run", "not_run", State.UNKNOWN),
        ("infra", "infra", State.UNKNOWN),
    ],
)
def test_what_is_not_known_is_neither_equal_nor_different(a: str, x: str, expected: State) -> None:
    (pair,) = arch_diff.pairs([replace(A, verdict=a), replace(X, verdict=x)], ARCHS)
    assert pair.state is expected


def test_an_architecture_without_any_result_is_unknown_never_equal() -> None:
    found = arch_diff.pairs([A, replace(A, name="dup_test")], ARCHS)
    assert [pair.state for pair in found] == [State.UNKNOWN, State.UNKNOWN]
    assert arch_diff.one_sided(found) == {}


def test_one_architecture_is_compared_with_nothing() -> None:
    (pair,) = arch_diff.pairs([A], ["aarch64"])
    assert (pair.state, pair.ratio) == (State.UNKNOWN, None)


def test_guest_time_has_a_ratio_where_both_passed() -> None:
    (pair,) = arch_diff.pairs([X, A], ARCHS)
    assert pair.ratio == pytest.approx(1.5)
    for rows in ([A], [A, replace(X, verdict="hang")], [A, replace(X, guest_s=None)]):
        assert arch_diff.pairs(rows, ARCHS)[0].ratio is None


def test_what_passes_on_one_only_is_named() -> None:
    rows = [
        *(A, replace(X, verdict="hang")),
        *(replace(A, name="a", verdict="missing"), replace(X, name="a")),
        *(replace(A, name="b"), replace(X, name="b", verdict="not_run")),
        *(replace(A, name="c"), replace(X, name="c")),
    ]
    assert arch_diff.one_sided(arch_diff.pairs(rows, ARCHS)) == {"aarch64": ["fork_test"], "x86_64": ["a"]}
