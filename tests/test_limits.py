"""The limits of a running guest: silence, CPU time, output, and what a busy host takes of them."""

from parity.judge import verdict
from parity.judge.channel import Hello, Panic, ProcessStart, Stage
from parity.judge.event import Exit, QmpEvent, Sample, Timed
from parity.judge.state import Rules, State
from parity.judge.verdict import Judgement, Verdict

HELLO = Hello(1, "aarch64", 1, ())
START = ProcessStart(1, 0, "/bin/t")
RESUME = QmpEvent("RESUME", {})


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
