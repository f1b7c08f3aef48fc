"""The verdict on each in-kernel test of a guest that ran several."""

from __future__ import annotations

from collections.abc import Sequence

from test_verdict import EXIT, HELLO, IN_KERNEL_SHUTDOWN, POWER_OFF, RESET, RESUME

from parity.judge import verdict
from parity.judge.channel import ChannelError, Panic, Plan, TestEnd, TestStart
from parity.judge.event import Event, Exit, Sample, Timed
from parity.judge.state import Rules, RunKind, State
from parity.judge.verdict import End, Judgement, Verdict

BOOT: list[Event] = [RESUME, HELLO, Plan(3)]
ORDERLY: list[Event] = [IN_KERNEL_SHUTDOWN, POWER_OFF, EXIT]
CRASH: list[Event] = [RESET, EXIT]
PANIC: list[Event] = [Panic(0, "mm.rs:1:1: double free of frame 7"), POWER_OFF, EXIT]


def ran(name: str, status: int = 0, message: str = "") -> list[Event]:
    return [TestStart(name), TestEnd(name, status, message)]


def judged(
    events: Sequence[Event],
    asked: str = "abc",
    ends: dict[str, End] | None = None,
    rules: Rules | None = None,
) -> dict[str, Judgement]:
    state = State(rules or Rules(kind=RunKind.TESTS))
    for number, event in enumerate(events):
        state = verdict.observe(state, Timed(0.1 * number, event))
    return verdict.judge_tests(state, list(asked), ends or {})


def verdicts(*events: Event, asked: str = "abc", ends: dict[str, End] | None = None) -> dict[str, str]:
    return {name: str(each.verdict) for name, each in judged(events, asked, ends).items()}


def test_each_test_of_an_orderly_guest_has_its_own_verdict() -> None:
    found = judged([*BOOT, *ran("a"), *ran("b", 1, "2 is not 3"), *ran("c", 2), *ORDERLY])
    assert found == {
        "a": Judgement(Verdict.PASS, "it passed"),
        "b": Judgement(Verdict.FAIL, "2 is not 3"),
        "c": Judgement(Verdict.FAIL, "it was skipped"),
    }


def test_a_test_that_the_kernel_does_not_run_fails() -> None:
    found = judged([*BOOT, *ran("a"), TestStart("b"), *ORDERLY])
    assert found["a"].verdict == "pass"
    assert found["b"] == Judgement(Verdict.FAIL, "the kernel did not end it")
    assert found["c"] == Judgement(Verdict.FAIL, "the kernel has no such test")


def test_a_bad_end_is_named_and_what_follows_is_left_to_another_guest() -> None:
    assert verdicts(*BOOT, *ran("a"), TestStart("b"), *PANIC) == {"a": "pass", "b": "panic"}
    assert verdicts(*BOOT, *ran("a"), TestStart("b"), *CRASH) == {"a": "pass", "b": "crash"}
    silence = [Sample(0.1, 0.0, 0, 0), Sample(0.2, 0.0, 0, 0)]
    events = [*BOOT, *ran("a", 1), TestStart("b"), *silence, Exit(None, 9, True)]
    found = judged(events, rules=Rules(silence_s=0.15, kind=RunKind.TESTS))
    assert {name: str(each.verdict) for name, each in found.items()} == {"a": "fail", "b": "hang"}
    assert "in test b" in found["b"].cause


def test_an_end_behind_a_test_is_that_tests() -> None:
    found = judged([*BOOT, *ran("a"), *ran("b"), *PANIC])
    assert {name: str(each.verdict) for name, each in found.items()} == {"a": "pass", "b": "panic"}
    assert found["b"].cause == "after the test: mm.rs:1:1: double free of frame 7"
    assert verdicts(*BOOT, *ran("a"), *ran("b"), *ran("c"), IN_KERNEL_SHUTDOWN, *PANIC)["c"] == "panic"


def test_a_guest_that_begins_no_test_is_every_tests_failure() -> None:
    assert verdicts(RESUME, HELLO, *PANIC) == dict.fromkeys("abc", "panic")
    assert judged([RESUME, HELLO, *PANIC])["c"].cause.startswith("before the first test: ")
    assert verdicts(*BOOT, *ran("z"), TestStart("y"), *PANIC) == dict.fromkeys("abc", "panic")
    assert verdicts(*BOOT, *ORDERLY) == dict.fromkeys("abc", "fail")


def test_a_lost_emulator_is_no_tests_failure() -> None:
    killed = Exit(None, 9, False)
    assert verdicts(*BOOT, *ran("a"), TestStart("b"), killed) == {"a": "pass", "b": "infra", "c": "infra"}


def test_a_damaged_channel_passes_nothing() -> None:
    damage = ChannelError("a record's checksum is wrong", 12)
    assert verdicts(*BOOT, *ran("a"), damage, *ran("b"), *ran("c"), *ORDERLY) == dict.fromkeys("abc", "fail")


DOUBLE_FREE = {"a": End(Verdict.PANIC, "double free")}


def test_a_test_that_must_end_the_kernel_passes_by_that_end_and_no_other() -> None:
    found = judged([*BOOT, TestStart("a"), *PANIC], "a", DOUBLE_FREE)["a"]
    assert found == Judgement(
        Verdict.PASS, "it ended as required, in panic: mm.rs:1:1: double free of frame 7"
    )
    other = judged([*BOOT, TestStart("a"), Panic(0, "something else"), POWER_OFF, EXIT], "a", DOUBLE_FREE)[
        "a"
    ]
    assert other.verdict == "panic"
    assert other.cause == "something else; it must end in panic with a cause that contains 'double free'"
    assert verdicts(*BOOT, TestStart("a"), *CRASH, asked="a", ends=DOUBLE_FREE) == {"a": "crash"}
    assert verdicts(*BOOT, *ran("a"), *ORDERLY, asked="a", ends=DOUBLE_FREE) == {"a": "fail"}
    assert verdicts(*BOOT, *ran("a", 1, "the kernel goes on"), *ORDERLY, asked="a", ends=DOUBLE_FREE) == {
        "a": "fail"
    }
    assert verdicts(RESUME, HELLO, *PANIC, asked="a", ends=DOUBLE_FREE) == {"a": "panic"}
    assert verdicts(*BOOT, *ran("a"), *PANIC, asked="a", ends=DOUBLE_FREE) == {"a": "panic"}


def test_the_budget_is_each_tests_own_as_far_as_they_were_announced() -> None:
    def state(*tests: Event, plan: int = 3) -> State:
        state = State(Rules(cpu_budget_s=1.0, kind=RunKind.TESTS))
        events: list[Event] = [RESUME, HELLO, Plan(plan)]
        for number, test in enumerate(tests):
            events += [test, Sample(0.8 * (number + 1), 0.0, number, 0)]
        for number, event in enumerate(events):
            state = verdict.observe(state, Timed(0.1 * number, event))
        return state

    assert verdict.reason_to_stop(state(*map(TestStart, "abc"))) is None
    assert verdict.reason_to_stop(state(*map(TestStart, "abc"), plan=1)) is not None
    stopped = state(TestStart("a"), TestEnd("a", 0, ""), TestStart("b"), TestEnd("b", 0, ""))
    assert stopped.test_s.keys() == {"a", "b"}
