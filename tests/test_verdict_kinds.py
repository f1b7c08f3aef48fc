"""A run is what its spec says: a program's or the kernel's own tests, whatever the guest does."""

from __future__ import annotations

import random
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path

import frames
import pytest
from test_machine import spec
from test_verdict import (
    END,
    EXIT,
    GOOD,
    GOOD_TESTS,
    HELLO,
    INSIDE,
    POWER_OFF,
    RESUME,
    START,
    believable,
    judge,
)

from parity.core.errors import UserError
from parity.guest import guest
from parity.guest.guest import judge_recording, run_guest
from parity.guest.lane import Message, ReplayLane
from parity.judge import verdict
from parity.judge.channel import ExecFailure, Plan, ProcessEnd, ProcessStart, Shutdown, TestEnd, TestStart
from parity.judge.event import Event, Timed
from parity.judge.state import Rules, RunKind, State
from parity.judge.verdict import Judgement, Verdict
from parity.spec.machine import RunSpec

PROGRAM = Rules("/bin/t")
RAN_TESTS = (
    frames.plan(2)
    + b"".join(frames.test_start(name) + frames.test_end(name) for name in "ab")
    + frames.shutdown(1)
)


def seen(channel: bytes, own: RunSpec) -> Judgement:
    return guest.judged(own, (), frames.messages(channel)).judgement


def test_a_guest_cannot_choose_to_run_tests_where_a_program_was_asked_for() -> None:
    judgement = seen(frames.hello() + RAN_TESTS, spec())
    assert judgement == Judgement(
        Verdict.FAIL, "the kernel had to start /bin/fork_test, but ran its own tests"
    )
    assert seen(frames.hello() + RAN_TESTS, spec(kind=RunKind.TESTS)).verdict == "pass"


@pytest.mark.parametrize(
    "tests",
    [[Plan(0)], [Plan(1)], [Plan(1), TestStart("a"), TestEnd("a", 0, "")], [TestStart("a")]],
    ids=lambda tests: f"{len(tests)} records",
)
def test_a_program_that_passes_is_no_pass_beside_tests(tests: list[Event]) -> None:
    for at in range(GOOD.index(HELLO) + 1, GOOD.index(END) + 1):
        assert judge([*GOOD[:at], *tests, *GOOD[at:]]).verdict == "fail"


def test_a_guest_cannot_choose_to_run_a_program_where_tests_were_asked_for() -> None:
    judgement = seen(frames.good_run(), spec(kind=RunKind.TESTS))
    assert judgement == Judgement(Verdict.FAIL, "the kernel had to run its own tests, but announced none")
    assert judge([RESUME, HELLO, Shutdown(1), POWER_OFF, EXIT], INSIDE).verdict == "fail"


def test_tests_without_a_plan_are_no_tests() -> None:
    unannounced = [each for each in GOOD_TESTS if not isinstance(each, Plan)]
    judgement = judge(unannounced, INSIDE)
    assert judgement.verdict == "fail"
    assert "test a started without a plan" in judgement.cause


def test_a_program_has_no_budget_of_tests() -> None:
    """A kernel that starts a test after the other would live for ever on their budgets."""
    tests = [frames.plan(9), *map(frames.test_start, "abcdefgh")]
    messages = frames.messages(frames.hello(), tail=[])[:-2]
    for t, record in enumerate(tests, start=1):
        messages += [Message("channel", t, record), frames.sample(t + 0.5, 0.8 * t, 0.0, 0, t)]
    stops: list[str] = []
    messages.append(frames.exited(12, signal=9, asked=True))
    for kind, expected in ((RunKind.PROGRAM, "hang"), (RunKind.TESTS, "not_run")):
        own = spec(cpu_budget_s=2.0, kind=kind)
        found = guest.judged(own, (), messages, lambda: stops.append("stop"))
        assert found.judgement.verdict == expected
    assert stops == ["stop"]


def test_a_recording_knows_what_kind_of_run_it_is_of(tmp_path: Path) -> None:
    own, recording = spec(kind=RunKind.TESTS), tmp_path / "recording.jsonl"
    messages = frames.messages(frames.hello() + RAN_TESTS)
    live = run_guest(ReplayLane({own.test: messages}), own, (), recording)
    assert live.judgement.verdict == "pass"
    assert judge_recording(recording) == live
    recording.write_text(recording.read_text().replace('"kind": "tests"', '"kind": "neither"'))
    with pytest.raises(UserError, match="not a recording"):
        judge_recording(recording)


def test_the_kind_and_the_end_are_part_of_what_a_verdict_is_kept_under() -> None:
    specs = [spec(), spec(kind=RunKind.TESTS), spec(ends_as="/bin/argv_test")]
    assert len({each.digest() for each in specs}) == 3
    assert asdict(specs[1])["kind"] == "tests"


OTHER = ProcessEnd(1, 0, 0, False, "/bin/true")


def test_what_ends_is_the_program_that_was_asked_for() -> None:
    events = [OTHER if event == END else event for event in GOOD]
    assert judge(events) == Judgement(Verdict.FAIL, "PID 1 ended as '/bin/true', not as '/bin/t'")
    assert judge(events, Rules()) == judge(events)  # any program, but the same at both ends
    assert judge(events, Rules("/bin/t", ends_as="/bin/true")).verdict == "pass"
    assert judge(GOOD, Rules("/bin/t", ends_as="/bin/true")) == Judgement(
        Verdict.FAIL, "PID 1 ended as '/bin/t', not as '/bin/true'"
    )
    failed = [replace(OTHER, status=256) if event == END else event for event in GOOD]
    assert judge(failed, Rules("/bin/t", ends_as="/bin/true")).verdict == "fail"


def test_a_spec_hands_on_what_it_ends_as() -> None:
    records = frames.hello() + frames.start(1, 0, b"/bin/fork_test") + frames.end(1, 0, 0, b"/bin/true")
    assert seen(records + frames.shutdown(), spec()).verdict == "fail"
    assert seen(records + frames.shutdown(), spec(ends_as="/bin/true")).verdict == "pass"


def test_a_program_that_cannot_be_loaded_fails() -> None:
    records = frames.hello(version=2) + frames.exec_failure(8, b"/bin/fork_test") + frames.shutdown(2)
    assert seen(records, spec()) == Judgement(
        Verdict.FAIL, "the program cannot be loaded: /bin/fork_test: ENOEXEC"
    )
    unknown = frames.hello(version=2) + frames.exec_failure(4000, b"/x\n") + frames.shutdown(2)
    assert seen(unknown, spec()).cause == "the program cannot be loaded: /x\\n: errno 4000"
    silent = frames.messages(records[: -len(frames.shutdown())])
    assert "(PID 1 could not be started)" in guest.judged(spec(), (), silent).judgement.cause


def test_a_program_that_cannot_be_loaded_does_not_pass_by_what_comes_after() -> None:
    failure = ExecFailure(8, "/bin/t")
    for at in range(GOOD.index(HELLO) + 1, GOOD.index(END) + 2):
        assert judge([*GOOD[:at], failure, *GOOD[at:]]).verdict == "fail"


# What a lying kernel, or a program by starting, executing and ending others, can put on the channel.
LIES: tuple[Event, ...] = (
    START,
    END,
    OTHER,
    ProcessStart(1, 0, "/bin/true"),
    ProcessStart(2, 1, "/bin/t"),
    ProcessEnd(2, 1, 0, False, "/bin/t"),
    replace(END, status=256),
    replace(END, survivor=True),
    Plan(0),
    Plan(1),
    TestStart("a"),
    TestEnd("a", 0, ""),
    ExecFailure(8, "/bin/t"),
    Shutdown(0),
    Shutdown(1),
    Shutdown(2),
)
SAID = (HELLO, START, END, Shutdown(0))


def test_no_short_sequence_of_records_makes_a_program_pass_but_the_true_one() -> None:
    def add(state: State, *events: Event) -> State:
        return reduce(verdict.observe, (Timed(0.1, event) for event in events), state)

    def search(state: State, records: tuple[Event, ...]) -> int:
        passed = verdict.judge(add(state, POWER_OFF, EXIT)).verdict == "pass"
        assert passed == is_true(records), records
        more = LIES if len(records) < 4 else ()
        return 1 + sum(search(add(state, record), (*records, record)) for record in more)

    assert search(add(State(PROGRAM), RESUME, HELLO), ()) == sum(len(LIES) ** length for length in range(5))


def is_true(records: tuple[Event, ...]) -> bool:
    """Whether these are the records of a good run, with processes of other numbers between."""
    others = [each for each in records if isinstance(each, ProcessStart | ProcessEnd) and each.pid != 1]
    rest = tuple(each for each in records if each not in others)
    return (HELLO, *rest) == SAID and records[-1] == Shutdown(0)


def test_no_long_sequence_of_records_makes_a_program_pass_without_its_start_and_its_end() -> None:
    chance, passed = random.Random(11), 0
    for _ in range(20_000):
        records: list[Event] = [record for record in SAID if chance.random() < 0.95]
        for _ in range(chance.randrange(5)):
            records.insert(chance.randrange(len(records) + 1), chance.choice(LIES))
        events = [RESUME, *records, POWER_OFF, EXIT]
        if judge(events, PROGRAM).verdict == "pass":
            passed += 1
            assert believable(events), events
            assert not any(isinstance(record, Plan | TestStart | TestEnd | ExecFailure) for record in records)
            ends = [record for record in records if isinstance(record, ProcessEnd) and record.pid == 1]
            assert ends == [END]
    assert passed > 1000


def test_no_damage_to_the_bytes_of_lies_makes_a_program_pass() -> None:
    name = b"/bin/fork_test"
    good = [frames.hello(), frames.start(1, 0, name), frames.end(1, 0, 0, name), frames.shutdown()]
    lies = [
        *good,
        frames.end(1, 0, 0, b"/bin/true"),
        frames.end(2, 1, 0, name),
        frames.start(2, 1, b"".join(good)),
        frames.plan(1),
        frames.test_start("a"),
        frames.test_end("a"),
        frames.exec_failure(8, name),
        frames.panic("x"),
        frames.shutdown(1),
    ]
    chance, passed = random.Random(7), 0
    for _ in range(3000):
        said = [record for record in good if chance.random() < 0.97]
        for _ in range(chance.randrange(3)):
            said.insert(chance.randrange(len(said) + 1), chance.choice(lies))
        data = bytearray(b"".join(said))
        if chance.random() < 0.5:
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        if seen(bytes(data), spec()).verdict == "pass":
            passed += 1
            whole = [record for record in said if record in good]
            assert whole == good and bytes(data) == b"".join(said)
            assert not set(said) - {*good, frames.end(2, 1, 0, name), frames.start(2, 1, b"".join(good))}
    assert passed > 500
