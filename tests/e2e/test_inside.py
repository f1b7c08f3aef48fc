"""Tests inside the kernel: by command, and in guests that a planted fault brings to a bad end."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pytest
from checkout import ROOT, Checkout

from parity.build.workspace import Workspace
from parity.report import log
from parity.report.terminal import Screen
from parity.results.evidence import Evidence
from parity.run import integration
from parity.run.evidence_runner import EvidenceRunner
from parity.selftest import planted_faults
from parity.spec import tree
from parity.spec.machine import RunSpec

TREE = tree.load(ROOT / "trees" / "reference.yaml")
TESTS = integration.load(ROOT / "suites" / "integration.yaml", TREE)


@pytest.mark.docker
def test_all_pass_on_every_architecture_and_one_that_passed_is_not_run_again(here: Checkout) -> None:
    said = here.says("fresh=1", *(f"integration_{arch}" for arch in TREE.archs))
    rows = json.loads((here.folder / "build" / "report" / "integration.json").read_text())["tests"]
    for arch in TREE.archs:
        own = {row["name"]: row for row in rows if row["arch"] == arch}
        assert list(own) == list(TESTS.suite.tests)
        assert {row["verdict"] for row in own.values()} == {"pass"}
        assert f"{arch}: {len(own)} of {len(own)} pass (100.00 %)" in said
        for name, end in TESTS.ends.items():
            assert own[name]["cause"].startswith(f"it ended as required, in {end.verdict}: ")
            assert end.cause_contains in own[name]["cause"]
        assert all((here.folder / row["log"]).is_file() for row in own.values())
    # On each: one guest for all that do not end theirs, and one for each of the others.
    assert re.findall(r"^(\d+) guests on", said, re.MULTILINE) == [str(2 * (1 + len(TESTS.ends)))]
    assert "guests on" not in here.says(
        "integration_x86_64:timer_clock", "integration_x86_64:memory_double_free"
    )


@pytest.mark.docker
def test_a_test_that_panics_or_hangs_is_named_and_a_new_guest_goes_on(here: Checkout) -> None:
    bad = {
        "stack_short": ("panic", ["timer_clock", "stack_bounds_deep_calls", "ring3_smoke_hello"]),
        "disk_interrupt_lost": ("hang", ["interrupt_masked", "interrupt_disk", "keyboard_corrections"]),
    }
    seen = _run(here, [(fault, name) for fault, (_, names) in bad.items() for name in names])
    for fault, (verdict, (before, culprit, after)) in bad.items():
        verdicts = {name: seen[fault, name].verdict for name in (before, culprit, after)}
        assert verdicts == {before: "pass", culprit: verdict, after: "pass"}
        first, same, other = (seen[fault, name].recording for name in (before, culprit, after))
        assert first == same != other
    assert "in test interrupt_disk" in seen["disk_interrupt_lost", "interrupt_disk"].cause


def _run(here: Checkout, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Evidence]:
    """What comes of tests under faults, on one architecture."""
    space = Workspace(here.folder, here.cache, Screen())
    like = integration.guest(space, TREE, TESTS, "x86_64", TESTS.faulty_features)
    specs = {
        integration.single_test(planted_faults.spec(like, fault), name): (fault, name)
        for fault, name in wanted
    }
    seen: dict[tuple[str, str], Evidence] = {}

    def on_done(done: RunSpec, found: Evidence) -> None:
        seen[specs[done]] = found

    runner = EvidenceRunner(space, TREE.panic_patterns, log.render)
    integration.guests(runner, TESTS, list(specs), lanes=2, on_done=on_done)
    return seen


@pytest.mark.docker
def test_a_planted_fault_turns_a_test_red_and_the_control_stays_green(here: Checkout) -> None:
    said = here.says(
        "arch=x86_64", "only=timer_clock", "planted_faults_integration"
    )  # a sample, as for programs
    lines = [line.split() for line in said.splitlines() if line.startswith("clock_slow ")]
    assert lines == [["clock_slow", "1", "timer_clock"]]
