"""The report on two commits."""

from __future__ import annotations

import json
from dataclasses import replace

from parity.compare.revision import Revision
from parity.core.row import Row
from parity.report import compared

THERE = Revision("v1", "0123456789abcdef" * 2 + "01234567")
ROW = Row("fork_test", "aarch64", "process", "pass", "pass", None, "")
BEFORE = [
    ROW,
    replace(ROW, name="dup_test"),
    replace(ROW, name="old_test"),
    replace(ROW, name="cat_test", verdict="not_run"),
]
HERE = [
    replace(ROW, verdict="hang"),
    replace(ROW, name="dup_test"),
    replace(ROW, arch="x86_64"),
    replace(ROW, name="cat_test"),
]


def test_the_summary_counts_what_is_the_same_and_what_moved() -> None:
    assert compared.summary(THERE, BEFORE, HERE) == [
        "Against v1 (0123456789ab) on aarch64: 1 the same, 1 regression, 1 gone.",
        "There is no result for x86_64 there: it is not compared.",
    ]
    assert compared.summary(THERE, [], HERE)[0] == "Against v1 (0123456789ab) on no architecture: 0 the same."


def test_markdown_has_a_row_per_move() -> None:
    lines = compared.markdown(THERE, BEFORE, HERE).splitlines()
    assert lines[0] == "# Against v1 (0123456789ab)"
    assert "| fork_test | aarch64 | regression | pass | hang | x86_64 unknown |" in lines
    assert "| old_test | aarch64 | gone | pass |  | x86_64 unknown |" in lines


def test_json_has_all_tests() -> None:
    document = json.loads(compared.document(THERE, BEFORE, HERE))
    assert (document["format"], document["there"]["name"], document["archs"]) == (1, "v1", ["aarch64"])
    assert {"test": "old_test", "arch": "aarch64", "there": "pass", "here": None} in document["tests"]
    assert {"test": "dup_test", "arch": "aarch64", "there": "pass", "here": "pass"} in document["tests"]
    assert [move["kind"] for move in document["moves"]] == ["regression", "gone"]
    assert document["moves"][0]["others"] == {"x86_64": "unknown"}
