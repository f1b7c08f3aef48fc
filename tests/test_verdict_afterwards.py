"""What becomes of an emulator after its guest's orderly end is no verdict on the kernel."""

import pytest
from test_limits import samples, stop_time
from test_verdict import END, EXIT, GOOD, GOOD_TESTS, POWER_OFF, RESET, SHUTDOWN, instead, judge

from parity.judge import verdict
from parity.judge.channel import Panic, ProcessEnd
from parity.judge.event import EmulatorOutput, Event, Exit, Timed
from parity.judge.state import Rules, RunKind, State
from parity.judge.verdict import Judgement, Verdict

DIED, KILLED = Exit(None, 11, False), Exit(None, 9, False)
OVERDUE = Exit(None, 9, False, overdue=True)
OTHER_END = ProcessEnd(1, 0, 3 << 8, False, "/bin/t")
REMARKS = {
    DIED: "; afterwards the emulator died of signal 11: oh no",
    KILLED: "; afterwards the emulator died of signal 9: oh no",
    OVERDUE: "; afterwards the emulator did not end when asked to, and was killed",
}


@pytest.mark.parametrize("end", REMARKS, ids=["died", "killed", "overdue"])
@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (GOOD, Judgement(Verdict.PASS, "PID 1 (t) ended with status 0")),
        (GOOD_TESTS, Judgement(Verdict.PASS, "all 2 in-kernel tests passed")),
        (instead(END, OTHER_END), Judgement(Verdict.FAIL, "PID 1 (t) ended with status 3")),
        (instead(POWER_OFF, RESET), Judgement(Verdict.CRASH, "the guest did not power off: guest-reset")),
        (instead(SHUTDOWN, SHUTDOWN, Panic(0, "late")), Judgement(Verdict.PANIC, "late")),
    ],
    ids=["pass", "tests", "fail", "crash", "panic"],
)
@pytest.mark.parametrize("status", [0, 85])
def test_an_emulator_that_dies_after_its_guest_is_a_remark(
    events: list[Event], expected: Judgement, end: Exit, status: int
) -> None:
    kind = RunKind.TESTS if events is GOOD_TESTS else RunKind.PROGRAM
    rules = Rules("/bin/t", power_off_status=status, kind=kind)
    judgement = judge([*events[:-1], EmulatorOutput("oh no\n"), end], rules)
    assert judgement == Judgement(expected.verdict, expected.cause + REMARKS[end])


@pytest.mark.parametrize("end", REMARKS, ids=["died", "killed", "overdue"])
def test_an_emulator_that_dies_after_in_kernel_tests_takes_none_of_them_along(end: Exit) -> None:
    state = State(Rules(kind=RunKind.TESTS))
    for number, event in enumerate([*GOOD_TESTS[:-1], end]):
        state = verdict.observe(state, Timed(0.1 * number, event))
    found = verdict.judge_tests(state, ["a", "b"], {})
    assert {name: judgement.verdict for name, judgement in found.items()} == dict.fromkeys("ab", "pass")


def test_an_emulator_that_is_stopped_after_its_guest_gives_no_verdict() -> None:
    assert judge(instead(EXIT, Exit(None, 9, True))) == Judgement(
        Verdict.NOT_RUN, "it was stopped on request"
    )


def test_the_time_that_an_emulator_takes_to_end_is_not_the_guests() -> None:
    events = [Timed(0.1 * number, event) for number, event in enumerate(GOOD[:-1])]
    slow = [*events, *samples(300, 1.0, 0.0)]
    assert stop_time(slow) is None
    assert verdict.judge_all(Rules("/bin/t"), [*slow, Timed(301, EXIT)]).verdict == "pass"
