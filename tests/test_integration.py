"""The list of integration tests, held against what a kernel links; guests that go on where others ended."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_machine import spec

from parity.core.errors import BuildError, UserError
from parity.guest.guest import GuestRun
from parity.judge.channel import TestEnd
from parity.judge.state import Rules, State
from parity.judge.verdict import Judgement, Verdict
from parity.results.evidence import Evidence
from parity.run import integration
from parity.run.evidence_runner import TestOutcome
from parity.run.integration import Integration
from parity.run.runner import Job, Result
from parity.selftest import planted_faults
from parity.spec import tree
from parity.spec.machine import RunSpec

ROOT = Path(__file__).parent.parent
LIST = ROOT / "suites" / "integration.yaml"
TREE = tree.load(ROOT / "trees" / "reference.yaml")
LIKE = replace(spec(), test=integration.SUITE, cmdline=integration.COMMAND_LINE)


def loaded() -> Integration:
    return integration.load(LIST, TREE)


def test_the_list_names_every_test_of_the_kernel() -> None:
    """What is linked is checked whenever the tests run; here, that the list is what the sources say."""
    linked: dict[str, str] = {}
    for file in (ROOT / "kernel" / "core" / "src" / "ktest" / "integration").glob("*.rs"):
        for area, body in re.findall(r'"boot_tests", "(\w+)":(.*?)\n?\}', file.read_text(), re.DOTALL):
            together, _, alone = body.partition("alone:")
            linked |= {f"{area}_{name}": area for name in re.findall(r"\w+", together)}
            linked |= {f"{area}_{name}": f"{area}, alone" for name in re.findall(r"\w+", alone)}
    integration.agree(loaded(), {"test": linked}, "aarch64")


def test_the_faults_are_those_of_the_kernel() -> None:
    source = (ROOT / "kernel" / "core" / "src" / "faults.rs").read_text(encoding="utf-8")
    own = re.findall(r'= "(\w+)", ', source[source.index("@integration") :])
    known = re.findall(r'= "(\w+)", ', source[source.index("\nfaults! {") :])
    assert [name for name in own if name not in loaded().faults] == []
    assert [name for name in loaded().faults if name not in known] == []


@pytest.mark.parametrize(
    ("linked", "complaint"),
    [
        (lambda tests: {**tests, "new": "memory"}, "the list lacks new"),
        (lambda tests: dict(list(tests.items())[1:]), "the kernel lacks boot_post_stages"),
        (lambda tests: {**tests, "boot_post_stages": "boot_post, alone"}, "differ for boot_post_stages"),
        (lambda tests: {}, "the kernel lacks boot_post_stages, "),
    ],
)
def test_a_test_on_one_side_only_is_no_smaller_suite(linked: Any, complaint: str) -> None:
    tests = loaded()
    there = {
        name: test.area + (", alone" if name in tests.ends else "")
        for name, test in tests.suite.tests.items()
    }
    integration.agree(tests, {"test": there}, "aarch64")
    with pytest.raises(BuildError, match=complaint):
        integration.agree(tests, {"test": linked(there)}, "aarch64")
    with pytest.raises(BuildError, match="the kernel lacks"):
        integration.agree(tests, None, "aarch64")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ends: panic,", "ends: panik,", "no verdict 'panik'; did you mean 'panic'"),
        ("ends: panic,", "", "memory_double_free: ends and says belong together"),
        ("features: boot_tests\n", "features: boot_test\n", "no feature set 'boot_test'; did you mean"),
        (
            "[\n  stage_forgotten,",
            "[\n  stage_forgotten, stage_forgotten,",
            "'stage_forgotten' occurs twice",
        ),
        ("{area: boot_post}", "{ara: boot_post}", "ara"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = tmp_path / "integration.yaml"
    text = LIST.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        integration.load(file, TREE)
    assert complaint in str(caught.value)
    assert re.search(r"integration\.yaml:\d+: ", str(caught.value))


class Kernel:
    """Stands in for a gatherer: its guests run the tests they are asked for, some of which end them."""

    def __init__(self, ends: Mapping[str, str]) -> None:
        self.ends = ends
        self.asked: list[str] = []

    def run(self, specs: Sequence[RunSpec], *, on_done: Any, outcomes: Any, following: Any, **_: Any) -> None:
        waiting = list(specs)
        while waiting:
            own = waiting.pop(0)
            result = Result(Job(own, "recording"), self.guest(own.cmdline), None, ())
            for found in outcomes(result):
                assert isinstance(found, TestOutcome)
                on_done(found.spec, evidence(found))
            waiting += following(result)

    def guest(self, cmdline: str) -> GuestRun:
        asked = cmdline.partition("boot_tests=")[2]
        self.asked.append(asked)
        state = State(Rules(), hello=True, plan=9)
        for name in asked.split(","):
            state = replace(state, started=(*state.started, name))
            if name in self.ends:
                return GuestRun(Judgement(Verdict.PANIC, ""), state=replace(state, panic=self.ends[name]))
            state = replace(state, ended=(*state.ended, TestEnd(name, 0, "")))
        return GuestRun(Judgement(Verdict.PASS, ""), state=state)


def evidence(found: TestOutcome) -> Evidence:
    return Evidence(
        key="k" * 64,
        test=found.spec.test,
        arch="aarch64",
        verdict=found.judgement.verdict,
        cause=found.judgement.cause,
        guest_s=found.guest_s,
        wall_s=0.3,
        kernel="a" * 64,
        disk=None,
        emulator="QEMU 10",
        host="host",
        recording="c" * 64,
        when="2026-01-01T00:00:00+00:00",
    )


def test_another_guest_goes_on_where_one_was_ended() -> None:
    tests = loaded()
    names = ["boot_post_stages", "boot_post_memory", "memory_double_free", "timer_clock", "timer_delay"]
    kernel = Kernel({"boot_post_memory": "a bug", "memory_double_free": "double free of frame 7"})
    wanted = [integration.single_test(LIKE, name) for name in names]
    seen: dict[RunSpec, str] = {}

    def on_done(done: RunSpec, found: Evidence) -> None:
        seen[done] = found.verdict

    integration.guests(kernel, tests, wanted, lanes=1, on_done=on_done)  # type: ignore[arg-type]
    together = "boot_post_stages,boot_post_memory,timer_clock,timer_delay"
    assert kernel.asked == ["memory_double_free", together, "timer_clock,timer_delay"]
    assert seen == {
        integration.single_test(LIKE, name): "panic" if name == "boot_post_memory" else "pass"
        for name in names
    }


def test_guests_that_differ_in_a_fault_are_not_shared() -> None:
    kernel, faulty = Kernel({}), planted_faults.spec(LIKE, "clock_slow")
    wanted = [
        integration.single_test(like, name)
        for name in ("timer_clock", "timer_delay")
        for like in (LIKE, faulty)
    ]
    integration.guests(kernel, loaded(), wanted, lanes=1, on_done=lambda *_: None)  # type: ignore[arg-type]
    assert kernel.asked == ["timer_clock,timer_delay"] * 2


def test_a_guest_without_a_lane_is_every_tests_lost_machinery() -> None:
    lost = GuestRun(Judgement(Verdict.INFRA, "2 lanes failed under it"))
    result = Result(Job(spec(), "recording"), lost, None, ())
    assert integration.judged(result, ["a", "b"], {}) == dict.fromkeys("ab", lost.judgement)


def test_evidence_is_kept_under_the_guest_that_runs_the_test_alone() -> None:
    own = integration.single_test(LIKE, "timer_clock")
    assert (own.test, own.cmdline) == ("integration:timer_clock", "init=/no/program boot_tests=timer_clock")
    assert integration.parts(own) == (LIKE, "timer_clock")
