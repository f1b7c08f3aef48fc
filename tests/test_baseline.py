"""The baseline gates in both directions, and says which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.spec import baseline
from parity.spec.baseline import Changes

FORK = Row("fork_test", "aarch64", "process", "pass", "pass", None, "")
DUP = replace(FORK, name="dup_test", verdict="hang")
ROWS = [FORK, DUP]


TESTS, ARCHS = ("fork_test", "dup_test", "a"), ("aarch64", "x86_64")


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "baseline"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_baseline_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "baseline").write_bytes(b"\xff")
    with pytest.raises(UserError, match="baseline:1: cannot be read: not UTF-8"):
        baseline.load(tmp_path / "baseline", TESTS, ARCHS)


def test_what_is_written_is_sorted_and_comes_back(tmp_path: Path) -> None:
    text = baseline.render(ROWS, None)
    assert text.splitlines()[1:] == ["aarch64 dup_test hang", "aarch64 fork_test pass"]
    found = baseline.load(written(tmp_path, text), TESTS, ARCHS)
    assert found == {("aarch64", "fork_test"): Verdict.PASS, ("aarch64", "dup_test"): Verdict.HANG}
    assert not baseline.compare(found, ROWS)


def test_what_did_not_run_keeps_its_line() -> None:
    before = {("aarch64", "fork_test"): Verdict.PASS}
    rows = [replace(FORK, verdict="not_run"), replace(DUP, verdict="infra")]
    assert baseline.render(rows, before).splitlines()[1:] == ["aarch64 fork_test pass"]


def test_what_the_rows_do_not_speak_of_keeps_its_line() -> None:
    before = {("aarch64", "fork_test"): Verdict.FAIL, ("x86_64", "fork_test"): Verdict.PASS}
    lines = ["aarch64 fork_test pass", "x86_64 fork_test pass"]
    assert baseline.render([FORK], before).splitlines()[1:] == lines


def test_every_direction_has_its_name() -> None:
    known = {
        ("aarch64", "a"): Verdict.PASS,
        ("aarch64", "b"): Verdict.FAIL,
        ("aarch64", "c"): Verdict.FAIL,
        ("aarch64", "f"): Verdict.PASS,
        ("x86_64", "g"): Verdict.PASS,
    }
    verdicts = {"a": "hang", "b": "pass", "c": "panic", "d": "pass", "f": "not_run"}
    rows = [replace(FORK, name=name, verdict=verdict) for name, verdict in verdicts.items()]
    changes = baseline.compare(known, rows)
    a, b, c, d, _ = rows
    assert changes == Changes((a,), (b,), (c,), (d,))
    assert list(changes.lines()) == [
        "regressions: a on aarch64 (hang)",
        "fixes: b on aarch64 (pass)",
        "changed: c on aarch64 (panic)",
        "new: d on aarch64 (pass)",
    ]


def test_no_file_is_no_baseline(tmp_path: Path) -> None:
    assert baseline.load(tmp_path / "none", TESTS, ARCHS) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("aarch64 fork_test\n", "baseline:1: architecture, test and verdict expected"),
        ("# all\naarch64 fork_test passes\n", "baseline:2: no verdict 'passes'; did you mean 'pass'?"),
        ("aarch64 a pass\naarch64 a fail\n", "baseline:2: a on aarch64 occurs twice"),
        ("aarch64 frok_test pass\n", "baseline:1: no test 'frok_test'; did you mean 'fork_test'?"),
        ("x86-64 a pass\n", "baseline:1: no architecture 'x86-64'; did you mean 'x86_64'?"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        baseline.load(written(tmp_path, text), TESTS, ARCHS)
    assert complaint in str(caught.value)
