"""`doit planted_faults` on one test: red under the fault, green without it, and run again where forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from checkout import Checkout

pytestmark = pytest.mark.docker
ONE = ("arch=aarch64", "only=dup_test")


@pytest.fixture
def known(tmp_path: Path, here: Checkout) -> Checkout:
    """A copy on the session's store, where most things need not be made again."""
    return Checkout.copy(tmp_path / "checkout", here.cache)


def test_planted_faults_turn_a_test_red_and_the_control_stays_green(here: Checkout) -> None:
    said = here.says("only=dup_test", "planted_faults")  # a sample; without only= it is every test
    lines = [line.split() for line in said.splitlines() if line.startswith("dup_aliases_zero ")]
    assert lines == [["dup_aliases_zero", "1", "dup_test"]] * 2


def test_planted_faults_that_were_forgotten_are_planted_again(known: Checkout) -> None:
    some, why = ((*ONE, word) for word in ("planted_faults", "why:planted_faults"))
    known.says(*some)
    assert "tests under planted faults" not in known.says(*some)
    assert "planted_faults dup_test aarch64: nothing changed" in known.says(*why)
    known.says("forget", "planted_faults")
    assert "planted_faults dup_test aarch64: it was forgotten" in known.says(*why)
    tree = (known.folder / "trees" / "reference.yaml").read_text(encoding="utf-8")
    faults = tree.partition("  planted_faults: [")[2].partition("]")[0].strip(" ,\n").split(",")
    said = known.says(*some)
    tests = len(faults) + 1  # with the control
    assert f"{tests} tests under planted faults: done" in said
    assert "kernel aarch64-planted_faults: kept" in said
    assert "tests under planted faults" not in known.says(*some)
