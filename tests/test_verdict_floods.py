"""A flood has its budget and no more; bytes written tell it from a slow host."""

from test_limits import HELLO, samples, stop_time

from parity.judge import verdict
from parity.judge.channel import Plan, TestStart
from parity.judge.event import Sample, Timed
from parity.judge.state import Rules, RunKind, State


def test_a_flood_in_which_the_processors_wait_is_ended_after_the_budget() -> None:
    found = stop_time(samples(1000, 0.05, 0.0, byte=1e6))
    assert found is not None
    assert 20 < found[0] < 23 and "still running after 20 s, and had written" in found[1]


def test_a_flood_on_a_starved_host_has_the_same_time_to_itself() -> None:
    found = stop_time(samples(1000, 0.05, 0.75, byte=1e6))
    assert found is not None
    assert 80 < found[0] < 90


def test_what_others_wrote_before_is_no_flood_of_this_test() -> None:
    own = Rules(kind=RunKind.TESTS)
    state = State(own)
    for timed in [Timed(0.5, HELLO), Timed(0.6, Plan(2)), *samples(10, 0.1, 0.0, byte=1e6)]:
        state = verdict.observe(state, timed)
    state = verdict.observe(state, Timed(11.0, TestStart("second")))
    for t in range(12, 32):
        sample = Sample(0.1 * t, 0.0, 10_000_000 + t, 0)
        state = verdict.observe(state, Timed(t, sample))
        assert verdict.reason_to_stop(state) is None
