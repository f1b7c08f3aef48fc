"""Which test catches which fault."""

from __future__ import annotations

from test_machine import spec

from parity.selftest import mutation
from parity.selftest.mutation import MutationResult

VERDICTS = {
    ("", "dup"): "pass",
    ("", "fork"): "pass",
    ("", "cat"): "pass",
    ("dup_aliases_zero", "dup"): "fail",
    ("dup_aliases_zero", "fork"): "pass",
    ("dup_aliases_zero", "cat"): "pass",
    ("fork_same_pid", "dup"): "hang",
    ("fork_same_pid", "fork"): "panic",
    ("fork_same_pid", "cat"): "pass",
    ("unseen", "dup"): "pass",
    ("unseen", "fork"): "pass",
    ("unseen", "cat"): "pass",
}


def test_every_fault_names_its_tests() -> None:
    catches = MutationResult(VERDICTS)
    assert catches.by_fault() == {"dup_aliases_zero": ["dup"], "fork_same_pid": ["dup", "fork"], "unseen": []}
    assert catches.uncaught() == ["unseen"]


def test_a_test_that_no_fault_turns_red_is_named() -> None:
    assert MutationResult(VERDICTS).killing_nothing() == ["cat"]


def test_red_without_a_fault_is_a_failed_control_and_no_catch() -> None:
    catches = MutationResult({**VERDICTS, ("", "cat"): "fail"})
    assert catches.control_failures() == ["cat"]
    assert catches.killing_nothing() == ["cat"]


def test_every_test_runs_without_a_fault_and_with_each() -> None:
    guests = mutation.specs([spec(test="dup"), spec(test="cat")], ["a", "b"])
    assert len(guests) == 6
    assert guests["b", "cat"].cmdline.endswith(" fault=b")
    assert [control.test for control in mutation.controls(guests)] == ["dup", "cat"]
    assert not any("fault=" in control.cmdline for control in mutation.controls(guests))
