"""Boots of every feature set: each has its end, and one that could not be judged is nobody's surprise."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.core.errors import InfraError
from parity.core.row import Row
from parity.judge.verdict import Verdict
from tasks import boot, session
from tasks.session import BatchResult

ROOT = Path(__file__).parent.parent


def booted(**verdicts: str) -> None:
    """A session in which all feature sets have booted on aarch64: as expected, but for these."""
    command = session.begin(ROOT, {}, [])
    rows = {}
    for name, features in command.tree.feature_sets.items():
        expected, says = str(features.expected["aarch64"]), features.cause_contains.get("aarch64", "")
        row = Row("init", "aarch64", "boot", verdicts.get(name, expected), expected, None, says)
        rows[name] = row
    command.accumulated.batches["boot_features"] = BatchResult({"aarch64": rows})


def test_feature_sets_that_end_as_the_tree_says_are_as_expected() -> None:
    booted()
    assert boot.features("aarch64")


def test_another_end_is_a_surprise(capsys: pytest.CaptureFixture[str]) -> None:
    booted(plain=Verdict.HANG)
    assert not boot.features("aarch64")
    assert "plain must end in pass" in capsys.readouterr().out


def test_one_that_could_not_be_judged_is_the_machines_fault() -> None:
    booted(plain=Verdict.INFRA, testing=Verdict.HANG)
    with pytest.raises(InfraError, match="init on aarch64: "):
        boot.features("aarch64")
