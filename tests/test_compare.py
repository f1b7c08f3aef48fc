"""Two commits: regressions, fixes, and what the other architecture says."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from parity.compare import commit_diff
from parity.compare.commit_diff import Kind, Other
from parity.core.row import Row


def rows(verdicts: Mapping[str, str]) -> list[Row]:
    """By "architecture/test"."""
    found = []
    for key, verdict in verdicts.items():
        arch, name = key.split("/")
        found.append(Row(name, arch, "process", verdict, "pass", None, ""))
    return found


@pytest.mark.parametrize(
    ("there", "here", "kind", "worse"),
    [
        ("pass", "hang", Kind.REGRESSION, True),
        ("missing", "pass", Kind.FIX, False),
        ("fail", "panic", Kind.CHANGED, False),
    ],
)
def test_every_direction_has_its_name(there: str, here: str, kind: Kind, worse: bool) -> None:
    (move,) = commit_diff.moves(rows({"a/t": there}), rows({"a/t": here}))
    assert (move.kind, move.worse, move.there, move.here) == (kind, worse, there, here)


def test_what_is_the_same_or_unknown_is_no_move() -> None:
    for there, here in (("pass", "pass"), ("fail", "fail")):
        assert commit_diff.moves(rows({"a/t": there}), rows({"a/t": here})) == []
    assert (
        commit_diff.moves(rows({"a/t": "pass"}), rows({"a/t": "not_run"})) == []
    )  # all of `a` is unknown here


def test_a_test_that_did_not_run_on_one_side_is_neither_new_nor_gone() -> None:
    there, here = rows({"a/t": "pass", "a/u": "not_run"}), rows({"a/t": "infra", "a/u": "pass"})
    assert commit_diff.compared(there, here) == ["a"]
    assert commit_diff.moves(there, here) == []
    assert commit_diff.same(there, here) == 0


def test_a_test_that_only_one_side_has() -> None:
    there, here = rows({"a/t": "pass", "a/old": "pass"}), rows({"a/t": "pass", "a/new": "pass"})
    assert [(move.test, move.kind, move.worse) for move in commit_diff.moves(there, here)] == [
        ("new", Kind.NEW, False),
        ("old", Kind.GONE, True),
    ]


def test_whether_the_other_architecture_changed_too_is_said() -> None:
    there = rows({"a/both": "pass", "x/both": "pass", "a/one": "pass", "x/one": "pass", "a/none": "fail"})
    here = rows({"a/both": "hang", "x/both": "fail", "a/one": "hang", "x/one": "pass", "a/none": "pass"})
    found = {(move.test, move.arch): move for move in commit_diff.moves(there, here)}
    assert {key: dict(move.others) for key, move in found.items()} == {
        ("both", "a"): {"x": Other.CHANGED},
        ("both", "x"): {"a": Other.CHANGED},
        ("one", "a"): {"x": Other.UNCHANGED},
        ("none", "a"): {"x": Other.UNKNOWN},
    }


def test_an_architecture_that_was_not_there_yet_is_not_compared() -> None:
    there, here = rows({"a/t": "pass"}), rows({"a/t": "hang", "x/t": "hang"})
    assert commit_diff.compared(there, here) == ["a"]
    (move,) = commit_diff.moves(there, here)
    assert (move.arch, dict(move.others)) == ("a", {"x": Other.UNKNOWN})
