import itertools
import random
from collections.abc import Iterable

import pytest

from parity.judge import verdict
from parity.judge.channel import (
    ChannelError,
    Hello,
    Panic,
    Plan,
    ProcessEnd,
    ProcessStart,
    Shutdown,
    Stage,
    TestEnd,
    TestStart,
)
from parity.judge.event import (
    Dropped,
    EmulatorOutput,
    EmulatorVersion,
    Event,
    Exit,
    QmpEvent,
    Sample,
    SerialMatch,
    SerialOutput,
    Started,
    StartFailure,
    Timed,
)
from parity.judge.state import Rules, RunKind, State
from parity.judge.verdict import Judgement, Verdict

HELLO = Hello(1, "aarch64", 1, ())
START, END = ProcessStart(1, 0, "/bin/t"), ProcessEnd(1, 0, 0, False, "/bin/t")
CHILD, CHILD_END = ProcessStart(2, 1, "/bin/t"), ProcessEnd(2, 1, 0, False, "/bin/t")
SHUTDOWN, IN_KERNEL_SHUTDOWN = Shutdown(0), Shutdown(1)
RESUME = QmpEvent("RESUME", {})
POWER_OFF = QmpEvent("SHUTDOWN", {"guest": True, "reason": "guest-shutdown"})
RESET = QmpEvent("SHUTDOWN", {"guest": True, "reason": "guest-reset"})
EXIT = Exit(0, None, False)
GOOD: list[Event] = [RESUME, HELLO, START, END, SHUTDOWN, POWER_OFF, EXIT]
TESTS: list[Event] = [TestStart("a"), TestEnd("a", 0, ""), TestStart("b"), TestEnd("b", 0, "")]
INSIDE = Rules(kind=RunKind.TESTS)
GOOD_TESTS: list[Event] = [RESUME, HELLO, Plan(2), *TESTS, IN_KERNEL_SHUTDOWN, POWER_OFF, EXIT]


def judge(events: Iterable[Event], rules: Rules | None = None) -> Judgement:
    timed = (Timed(0.1 * number, event) for number, event in enumerate(events))
    return verdict.judge_all(rules or Rules("/bin/t"), timed)


def without(events: list[Event], *gone: Event) -> list[Event]:
    return [event for event in events if event not in gone]


def instead(old: Event, *new: Event) -> list[Event]:
    at = GOOD.index(old)
    return [*GOOD[:at], *new, *GOOD[at + 1 :]]


def test_a_good_guest_passes() -> None:
    assert judge(GOOD) == Judgement(Verdict.PASS, "PID 1 (t) ended with status 0")
    assert judge(GOOD_TESTS, INSIDE) == Judgement(Verdict.PASS, "all 2 in-kernel tests ended well")


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        (instead(EXIT, Exit(85, None, False)), None),
        (instead(EXIT, Exit(1, None, False)), "the emulator ended with status 1"),
        (instead(EXIT, Exit(0, None, False)), "the emulator ended with status 0"),
        (without(instead(EXIT, Exit(85, None, False)), SHUTDOWN), "ended without a word: guest-shutdown"),
        (without(instead(EXIT, Exit(85, None, False)), POWER_OFF), "the emulator ended with status 85"),
        ([*instead(POWER_OFF, RESET)[:-1], Exit(85, None, False)], "did not power off: guest-reset"),
    ],
)
def test_only_the_machines_own_status_is_a_power_off(events: list[Event], cause: str | None) -> None:
    judgement = judge(events, Rules("/bin/t", power_off_status=85))
    assert judgement.verdict == ("crash" if cause else "pass")
    assert (cause or "ended with status 0") in judgement.cause


@pytest.mark.parametrize(
    ("events", "expected", "cause"),
    [
        (instead(END, ProcessEnd(1, 0, 3 << 8, False, "/bin/t")), "fail", "PID 1 (t) ended with status 3"),
        (instead(END, ProcessEnd(1, 0, 11, False, "/bin/t")), "fail", "PID 1 (t) was killed by signal 11"),
        (instead(END, ProcessEnd(1, 0, 9, True, "/bin/t")), "fail", "PID 1 (t) was killed by the kernel at"),
        (instead(END, CHILD, CHILD_END), "fail", "PID 1 never ended"),
        (without(GOOD, START, END), "fail", "PID 1 never started"),
        (instead(START, ProcessStart(1, 0, "/bin/init")), "fail", "PID 1 is '/bin/init', not '/bin/t'"),
        (instead(SHUTDOWN, IN_KERNEL_SHUTDOWN), "fail", "another reason"),
        (
            instead(END, CHILD, ProcessEnd(2, 1, 256, False, "x"), END),
            "pass",
            "PID 1 (t) ended with status 0",
        ),
        (
            instead(SHUTDOWN, ProcessEnd(2, 1, 9, True, "x"), SHUTDOWN),
            "pass",
            "PID 1 (t) ended with status 0",
        ),
        (instead(SHUTDOWN, SHUTDOWN, Panic(0, "late")), "panic", "late"),
        (instead(END, END, Panic(0, "a.rs:1:2: after success")), "panic", "a.rs:1:2: after success"),
        (
            [RESUME, SerialMatch("KERNEL PANIC:", "KERNEL PANIC: x"), POWER_OFF, EXIT],
            "panic",
            "KERNEL PANIC: x",
        ),
        (
            [RESUME, SerialOutput(5), POWER_OFF, EXIT],
            "crash",
            "without a word: guest-shutdown (before its hello)",
        ),
        ([RESUME, RESET, EXIT], "crash", "without a word: guest-reset (before its hello)"),
        (without(GOOD, SHUTDOWN), "crash", "(after PID 1 ended with status 0)"),
        (without(GOOD, END, SHUTDOWN), "crash", "(PID 1 (t) was running)"),
        (instead(POWER_OFF, RESET), "crash", "did not power off: guest-reset"),
        (without(GOOD, POWER_OFF), "crash", "the emulator ended with status 0 (after its shutdown record)"),
        (instead(EXIT, Exit(1, None, False)), "crash", "after power-off the emulator ended with status 1"),
        (instead(POWER_OFF, Exit(None, 9, False)), "infra", "killed from outside (signal 9)"),
        (instead(POWER_OFF, Exit(None, 11, False)), "crash", "died of signal 11 (after its shutdown record)"),
        (
            without(instead(POWER_OFF, Exit(None, 11, False)), SHUTDOWN),
            "crash",
            "the emulator died of signal",
        ),
        ([RESUME, HELLO, Exit(None, 15, False)], "infra", "killed from outside (signal 15)"),
        (
            [RESUME, HELLO, QmpEvent("SHUTDOWN", {"guest": False, "reason": "host-signal"}), EXIT],
            "infra",
            "ended from outside (host-signal)",
        ),
        ([StartFailure("no such file")], "infra", "the emulator did not start: no such file"),
        (
            [Started(1), EmulatorOutput("unknown device\n"), Exit(1, None, False)],
            "infra",
            "the emulator ended with status 1 before the guest ran: unknown device",
        ),
        ([Started(1), Exit(None, 11, False)], "infra", "signal 11 before the guest ran"),
        ([Started(1), RESUME, HELLO, Exit(None, 9, True)], "not_run", "stopped on request"),
        (GOOD[:-1], "infra", "ends before its emulator did"),
        ([], "infra", "ends before its emulator did"),
        (without(GOOD, HELLO), "fail", "a record before the hello"),
        (instead(HELLO, Hello(3, "aarch64", 1, ())), "fail", "speaks version 3 of it, not 1 to 2"),
        (instead(START, START, HELLO), "fail", "a second hello"),
        (instead(START, START, START), "fail", "PID 1 started twice"),
        (instead(END, END, END), "fail", "PID 1 ended twice"),
        (instead(END, ProcessEnd(1, 0, 256, False, "/bin/t"), END), "fail", "PID 1 ended twice"),
        (without(GOOD, START), "fail", "PID 1 ended, but never started"),
        (instead(SHUTDOWN, SHUTDOWN, Stage("x")), "fail", "a record after the shutdown record"),
        (
            instead(END, END, ChannelError("a record's checksum is wrong", 9)),
            "fail",
            "checksum is wrong (9 bytes)",
        ),
        (instead(EXIT, Dropped("channel", 77), EXIT), "fail", "77 bytes were dropped"),
        (instead(EXIT, Dropped("serial", 77), EXIT), "pass", "PID 1 (t) ended with status 0"),
    ],
)
def test_verdicts(events: list[Event], expected: str, cause: str) -> None:
    judgement = judge(events)
    assert judgement.verdict == expected, judgement
    assert cause in judgement.cause


def test_forged_panic_text_after_the_hello_is_only_text() -> None:
    forged = SerialMatch("KERNEL PANIC:", "KERNEL PANIC: not really")
    assert judge(instead(END, forged, END)).verdict == "pass"
    crash = judge(without(instead(END, forged, END), SHUTDOWN))
    assert crash.verdict == "crash"
    assert "its console says 'KERNEL PANIC: not really'" in crash.cause


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([Plan(2), *TESTS[:3], TestEnd("b", 1, "no")], "1 of 2 tests did not end well: b failed"),
        ([Plan(2), *TESTS[:3], TestEnd("b", 2, "no")], "1 of 2 tests did not end well: b was skipped"),
        ([Plan(2), *TESTS[:3]], "1 of 2 tests did not end well: b did not end"),
        ([Plan(3), *TESTS], "3 tests were announced, 2 ran"),
        ([Plan(1), *TESTS], "1 tests were announced, 2 ran"),
        ([Plan(0)], "0 tests were announced, 0 ran"),
        ([Plan(2), Plan(2), *TESTS], "two test plans"),
        ([Plan(2), *TESTS, TestEnd("b", 0, "")], "test b ended twice"),
        ([Plan(2), *TESTS, TestStart("b")], "test b started twice"),
        ([Plan(3), *TESTS, TestEnd("c", 0, "")], "test c ended, but never started"),
        ([Plan(2), *TESTS, START, ProcessEnd(1, 0, 256, False, "/bin/t")], "PID 1 (t) ended with status 1"),
    ],
)
def test_an_in_kernel_run_passes_only_whole(events: list[Event], cause: str) -> None:
    judgement = judge([RESUME, HELLO, *events, IN_KERNEL_SHUTDOWN, POWER_OFF, EXIT], INSIDE)
    assert judgement.verdict == "fail"
    assert cause in judgement.cause
    other_reason = [RESUME, HELLO, Plan(2), *TESTS, SHUTDOWN, POWER_OFF, EXIT]
    assert judge(other_reason, INSIDE).verdict == "fail"


def believable(events: Iterable[Event]) -> bool:
    """Whether a sequence holds everything without which nothing may pass."""
    seen = list(events)
    seen = seen[: next((at + 1 for at, event in enumerate(seen) if isinstance(event, Exit)), len(seen))]
    return (
        not any(isinstance(event, ChannelError | Panic) for event in seen)
        and all(wanted in seen for wanted in (HELLO, START, END, SHUTDOWN, POWER_OFF))
        and seen.index(HELLO) < seen.index(START) < seen.index(END) < seen.index(SHUTDOWN)
        and seen.index(SHUTDOWN) < seen.index(POWER_OFF) < len(seen) - 1
        and isinstance(seen[-1], Exit)
        and (
            seen[-1].status == 0 or seen[-1].signal is not None
        )  # which status it would be is not known then
    )


def test_no_order_of_a_good_guests_events_passes_but_its_own() -> None:
    for order in itertools.permutations(GOOD):
        assert (judge(order).verdict == "pass") == believable(order), order


def test_no_short_sequence_passes() -> None:
    alphabet: list[Event] = [
        *(HELLO, START, END, CHILD_END, SHUTDOWN, POWER_OFF, EXIT),
        ProcessEnd(1, 0, 256, False, "/bin/t"),
    ]
    for length in range(6):
        for events in itertools.product(alphabet, repeat=length):
            assert judge(events).verdict != "pass", events


def test_no_random_sequence_passes_without_the_whole_truth() -> None:
    others: list[Event] = [
        *(
            CHILD,
            CHILD_END,
            RESET,
            Panic(0, "x"),
            ChannelError("x", 1),
            Exit(None, 9, False),
            Exit(1, None, False),
        ),
        *(ProcessEnd(1, 0, 256, False, "/bin/t"), SerialOutput(3), SerialMatch("P", "P"), Stage("x")),
        *(Plan(1), TestStart("a"), TestEnd("a", 0, ""), TestEnd("a", 1, ""), Sample(1.0, 0.0, 9, 9)),
    ]
    chance, passed = random.Random(3), 0
    for _ in range(20_000):
        events = [event for event in GOOD if chance.random() < 0.9]
        for _ in range(chance.randrange(4)):
            events.insert(chance.randrange(len(events) + 1), chance.choice(others))
        if judge(events).verdict == "pass":
            passed += 1
            assert believable(events), events
    assert passed > 1000


def test_a_cut_sequence_never_passes() -> None:
    for good, rules in ((GOOD, Rules("/bin/t")), (GOOD_TESTS, INSIDE)):
        for length in range(len(good)):
            assert judge(good[:length], rules).verdict != "pass"


def test_causes_are_one_printable_line() -> None:
    name = "/bin/x\n\x1b[2Jforged"
    judgement = judge(
        [HELLO, ProcessStart(1, 0, name), ProcessEnd(1, 0, 256, False, name), *GOOD[4:]], Rules()
    )
    assert judgement == Judgement(Verdict.FAIL, "PID 1 (x\\n\\x1b[2Jforged) ended with status 1")


def test_an_old_emulator_is_infra_and_is_stopped() -> None:
    state = verdict.observe(State(Rules(least_emulator=(10, 0))), Timed(0.1, EmulatorVersion(7, 2)))
    assert verdict.reason_to_stop(state) == "the emulator is 7.2; the machine needs 10.0"
    assert judge([EmulatorVersion(7, 2), *GOOD], Rules("/bin/t", least_emulator=(10, 0))).verdict == "infra"
    assert judge([EmulatorVersion(10, 0), *GOOD], Rules("/bin/t", least_emulator=(10, 0))).verdict == "pass"


def stop_time(events: list[Timed], rules: Rules | None = None) -> tuple[float, str] | None:
    state = State(rules or Rules())
    for timed in [Timed(0.0, RESUME), *events]:
        state = verdict.observe(state, timed)
        if reason := verdict.reason_to_stop(state):
            return timed.t, reason
    return None


def samples(seconds: int, cpu: float, delay: float, byte: float = 0.0, begin: int = 1) -> list[Timed]:
    """A sample a second, of a guest that uses, waits and writes so much in each."""
    return [Timed(t, Sample(cpu * t, delay * t, int(byte * t), 0)) for t in range(begin, seconds + 1)]


def test_a_guest_that_sleeps_in_silence_hangs_after_three_seconds() -> None:
    found = stop_time([Timed(0.5, HELLO), *samples(10, 0.0, 0.0)])
    assert found is not None
    assert found[0] == 4.0
    assert found[1].startswith(
        "it was silent for 3.5 s, of which it waited 0.0 s for a processor (before PID 1)"
    )


def test_a_guest_is_not_silent_before_it_runs() -> None:
    # Seen on a busy machine: the emulator itself took three seconds to start.
    late = [*samples(3, 0.0, 0.0), Timed(3.1, RESUME), *samples(6, 0.0, 0.0, begin=4)]
    state = State(Rules())
    for timed in late:
        state = verdict.observe(state, timed)
        assert verdict.reason_to_stop(state) is None
    state = verdict.observe(state, Timed(7.0, Sample(0.0, 0.0, 0, 0)))
    assert (
        state.hang == "it was silent for 3.9 s, of which it waited 0.0 s for a processor (before its hello)"
    )


def test_an_emulator_that_never_starts_its_guest_is_our_own_fault() -> None:
    judgement = verdict.judge_all(Rules(), [*samples(61, 0.0, 0.0), Timed(61.1, Exit(None, 9, True))])
    assert judgement == Judgement(Verdict.INFRA, "its emulator had not started the guest after 61 s")


def test_a_starved_guest_is_not_hung() -> None:
    assert stop_time([Timed(0.5, HELLO), *samples(100, 0.1, 0.8)]) is None


def test_a_guest_that_got_its_processor_is() -> None:
    found = stop_time([Timed(0.5, HELLO), *samples(100, 0.8, 0.1)])
    assert found is not None
    assert found[0] == 4.0


def test_a_starved_guest_is_hung_once_its_budget_is_used() -> None:
    found = stop_time([Timed(0.5, HELLO), *samples(300, 0.1, 0.8)])
    assert found is not None
    assert found[0] == 201.0
    assert "20 s of CPU time" in found[1]


def test_a_flood_uses_up_the_budget_though_its_bytes_are_dropped() -> None:
    found = stop_time(samples(100, 0.9, 0.0, byte=1e6))
    assert found is not None
    assert found[0] == 21.0


def test_a_guest_that_sleeps_and_prints_for_ever_is_ended() -> None:
    found = stop_time(samples(1000, 0.001, 0.001, byte=10))
    assert found is not None
    assert "still running after 120 s" in found[1]
    assert 120 < found[0] < 125


def test_a_starved_guest_lives_longer() -> None:
    found = stop_time(samples(1000, 0.001, 0.5, byte=10))
    assert found is not None
    assert found[0] > 240


def test_budget_and_silence_are_the_tests_own() -> None:
    rules = Rules(cpu_budget_s=2.0, silence_s=100.0)
    found = stop_time(samples(100, 0.5, 0.0), rules)
    assert found is not None
    assert found[0] == 5.0


def test_a_record_ends_a_silence() -> None:
    events = [*samples(2, 0.0, 0.0), Timed(2.9, Stage("x")), *samples(5, 0.0, 0.0, begin=3)]
    assert stop_time(events) is None


def test_the_verdict_of_a_stopped_guest_is_hang() -> None:
    began = [Timed(0.0, RESUME), Timed(0.5, HELLO), Timed(0.6, START)]
    events = [*began, *samples(4, 0.0, 0.0), Timed(4.1, Exit(None, 9, True))]
    judgement = verdict.judge_all(Rules(), events)
    assert judgement.verdict == "hang"
    assert "(PID 1 (t) was running)" in judgement.cause


def test_a_panic_that_spins_is_a_panic() -> None:
    events = [
        Timed(0.5, HELLO),
        Timed(0.6, Panic(0, "x")),
        *samples(30, 0.9, 0.0),
        Timed(31, Exit(None, 9, True)),
    ]
    assert verdict.judge_all(Rules(), events).verdict == "panic"


def test_an_emulator_that_somebody_stops_is_not_a_guest_that_hangs() -> None:
    events = [*samples(2, 0.1, 0.0), Timed(3.0, Sample(0.2, 0.0, 0, 0, stopped=True))]
    found = stop_time(events, Rules(silence_s=2.5))
    assert found == (3.0, "the emulator was stopped from outside")
    judgement = verdict.judge_all(Rules(), [Timed(0.0, RESUME), *events, Timed(3.1, Exit(None, 9, True))])
    assert judgement == Judgement(Verdict.INFRA, "the emulator was stopped from outside")
