"""The baseline gates in both directions, and says which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity import baseline
from parity.baseline import Changes
from parity.errors import UserError
from parity.matrix import Row
from parity.verdict import Verdict

FORK = Row("fork_test", "aarch64", "process", "pass", "pass", None, "")
DUP = replace(FORK, name="dup_test", verdict="hang")
ROWS = [FORK, DUP]


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "baseline"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_written_is_sorted_and_comes_back(tmp_path: Path) -> None:
    text = baseline.render(ROWS, None)
    assert text.splitlines()[1:] == ["aarch64 dup_test hang", "aarch64 fork_test pass"]
    found = baseline.load(written(tmp_path, text))
    assert found == {("aarch64", "fork_test"): Verdict.PASS, ("aarch64", "dup_test"): Verdict.HANG}
    assert not baseline.compare(found, ROWS)


def test_what_did_not_run_keeps_its_line() -> None:
    before = {("aarch64", "fork_test"): Verdict.PASS}
    rows = [replace(FORK, verdict="not_run"), replace(DUP, verdict="infra")]
    assert baseline.render(rows, before).splitlines()[1:] == ["aarch64 fork_test pass"]


def test_every_direction_has_its_name() -> None:
    known = {
        ("aarch64", "a"): Verdict.PASS,
        ("aarch64", "b"): Verdict.FAIL,
        ("aarch64", "c"): Verdict.FAIL,
        ("aarch64", "e"): Verdict.PASS,
        ("aarch64", "f"): Verdict.PASS,
        ("x86_64", "g"): Verdict.PASS,
    }
    verdicts = {"a": "hang", "b": "pass", "c": "panic", "d": "pass", "f": "not_run"}
    rows = [replace(FORK, name=name, verdict=verdict) for name, verdict in verdicts.items()]
    changes = baseline.compare(known, rows)
    a, b, c, d, _ = rows
    assert changes == Changes((a,), (b,), (c,), (d,), ("e on aarch64",))
    assert list(changes.lines()) == [
        "regressions: a on aarch64 (hang)",
        "fixes: b on aarch64 (pass)",
        "changed: c on aarch64 (panic)",
        "new: d on aarch64 (pass)",
        "gone: e on aarch64",
    ]


def test_no_file_is_no_baseline(tmp_path: Path) -> None:
    assert baseline.load(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("aarch64 fork_test\n", "baseline:1: architecture, test and verdict expected"),
        ("# all\naarch64 fork_test passes\n", "baseline:2: no verdict 'passes'; did you mean 'pass'?"),
        ("aarch64 a pass\naarch64 a fail\n", "baseline:2: a on aarch64 stands here twice"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        baseline.load(written(tmp_path, text))
    assert complaint in str(caught.value)
