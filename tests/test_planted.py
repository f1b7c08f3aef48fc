"""Which tests fail under which planted fault."""

from __future__ import annotations

from test_machine import spec

from parity.selftest import planted_faults
from parity.selftest.planted_faults import FaultResults

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
    results = FaultResults(VERDICTS)
    assert results.by_fault() == {"dup_aliases_zero": ["dup"], "fork_same_pid": ["dup", "fork"], "unseen": []}
    assert results.undetected() == ["unseen"]


def test_a_test_that_fails_under_no_fault_is_named() -> None:
    assert FaultResults(VERDICTS).detecting_nothing() == ["cat"]


def test_a_failure_without_a_fault_is_a_failed_control_and_detects_nothing() -> None:
    results = FaultResults({**VERDICTS, ("", "cat"): "fail"})
    assert results.control_failures() == ["cat"]
    assert results.detecting_nothing() == ["cat"]


def test_every_test_runs_without_a_fault_and_with_each() -> None:
    guests = planted_faults.specs([spec(test="dup"), spec(test="cat")], ["a", "b"])
    assert len(guests) == 6
    assert guests["b", "cat"].cmdline.endswith(" fault=b")
    assert [control.test for control in planted_faults.controls(guests)] == ["dup", "cat"]
    assert not any("fault=" in control.cmdline for control in planted_faults.controls(guests))
