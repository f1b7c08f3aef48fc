import concurrent.futures
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import frames
import msgspec
import pytest
from test_machine import spec

from parity.core.cancellation import Cancellation
from parity.core.errors import MachineError
from parity.core.progress import LaneUse
from parity.guest.guest import GuestRun
from parity.guest.lane import Lane, LaneError, Message, ReplayLane
from parity.guest.observer import Hook
from parity.judge.verdict import Judgement, Verdict
from parity.run import runner
from parity.run.runner import Job, Pool
from parity.spec.machine import RunSpec

GOOD = frames.messages(frames.good_run())


class Lanes:
    """Opens lanes that play GOOD, except that the test's own `play` may do otherwise; counts them."""

    def __init__(self, breaks: int = 0) -> None:
        self.opened: list[TestLane] = []
        self.order: list[str] = []
        self.breaks = breaks

    def __call__(self) -> Lane:
        self.opened.append(TestLane(self))
        return self.opened[-1]


class TestLane:
    __test__ = False

    def __init__(self, lanes: Lanes) -> None:
        self.lanes, self.closed = lanes, threading.Event()

    def run(self, spec: RunSpec) -> Iterator[Message]:
        self.lanes.order.append(spec.test)
        if self.lanes.breaks:
            self.lanes.breaks -= 1
            raise LaneError("it broke")
        if spec.test == "endless":
            yield GOOD[0]
            self.closed.wait()
            raise LaneError("it was closed")
        yield from GOOD

    def stop(self) -> None:
        raise AssertionError("nothing hangs here")

    def close(self) -> None:
        self.closed.set()


def jobs(tmp_path: Path, *names: str, **expected_s: float) -> list[Job]:
    return [
        Job(replace(spec(), test=name), str(tmp_path / name), expected_s=expected_s.get(name, 0.0))
        for name in names
    ]


def test_a_job_is_plain_data(tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, "a", a=2.5)
    assert msgspec.json.decode(msgspec.json.encode(job), type=Job) == job


def test_each_job_has_the_hook_that_its_pool_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = {name: Hook(lambda *_: None) for name in "ab"}
    given: dict[str, Hook | None] = {}

    def run_guest(_lane: Lane, spec: RunSpec, _patterns: object, _file: Path, hook: Hook | None) -> GuestRun:
        given[spec.test] = hook
        return GuestRun(Judgement(Verdict.PASS, ""))

    monkeypatch.setattr(runner, "run_guest", run_guest)
    with Pool(Lanes(), 1, lambda job: hooks[job.spec.test]) as pool:
        assert len(list(pool.run(jobs(tmp_path, "a", "b")))) == 2
    assert given == hooks


def test_a_result_gives_rise_to_further_jobs(tmp_path: Path) -> None:
    more = {"a": jobs(tmp_path, "a2"), "a2": jobs(tmp_path, "a3", "a4")}
    with Pool(lanes := Lanes(), 1) as pool:
        results = pool.run(jobs(tmp_path, "a", "b"), lambda ended: more.get(ended.job.spec.test, ()))
        assert sorted(result.job.spec.test for result in results) == ["a", "a2", "a3", "a4", "b"]
    assert len(lanes.opened) == 1


def test_all_run_over_the_lanes_that_are_needed(tmp_path: Path) -> None:
    lanes = Lanes()
    with Pool(lanes, 2) as pool:
        results = list(pool.run(jobs(tmp_path, "a", "b", "c", "d", "e")))
        assert sorted(result.job.spec.test for result in results) == list("abcde")
        assert all(result.run.judgement.verdict == "pass" for result in results)
        assert 1 <= len(lanes.opened) <= 2
        assert list(pool.run([])) == []
    assert all(lane.closed.is_set() for lane in lanes.opened)


def test_the_use_of_the_lanes_is_from_the_first_being_ready_to_the_last_verdict(tmp_path: Path) -> None:
    clock, lanes = iter(range(100, 200)), Lanes()
    with pytest.MonkeyPatch.context() as patch, Pool(lanes, 1) as pool:
        patch.setattr(runner, "monotonic", lambda: float(next(clock)))
        assert pool.use == LaneUse(0, 1, 0.0, 0.0)
        (first,) = pool.run(jobs(tmp_path, "a"))
        (second,) = pool.run(jobs(tmp_path, "b"))
        assert pool.use == LaneUse(2, 1, 2.0, first.run.wall_s + second.run.wall_s)
        assert pool.use.ideal_s == pool.use.wall_s > 0


def test_the_longest_go_first(tmp_path: Path) -> None:
    lanes = Lanes()
    with Pool(lanes, 1) as pool:
        list(pool.run(jobs(tmp_path, "short", "new", "long", short=1.0, long=9.0)))
    assert lanes.order == ["long", "short", "new"]


def test_a_second_suite_uses_the_lanes_of_the_first(tmp_path: Path) -> None:
    lanes = Lanes()
    with Pool(lanes, 1) as pool:
        list(pool.run(jobs(tmp_path, "a")))
        list(pool.run(jobs(tmp_path, "b")))
    assert len(lanes.opened) == 1


def test_a_broken_lane_is_replaced_and_its_guest_runs_once_more(tmp_path: Path) -> None:
    lanes = Lanes(breaks=1)
    with Pool(lanes, 1) as pool:
        (result,) = pool.run(jobs(tmp_path, "a"))
        assert [lane.closed.is_set() for lane in lanes.opened] == [True, False]
    assert result.run.judgement.verdict == "pass"
    assert result.lane_failures == ("it broke",)


def test_two_broken_lanes_make_infra_and_the_next_guest_has_a_new_one(tmp_path: Path) -> None:
    lanes = Lanes(breaks=2)
    with Pool(lanes, 1) as pool:
        first, second = pool.run(jobs(tmp_path, "a", "b"))
    assert first.run.judgement.verdict == "infra"
    assert first.run.judgement.cause == "2 lanes failed under it, the last so: it broke"
    assert second.run.judgement.verdict == "pass"
    assert len(lanes.opened) == 3


def test_a_guests_failure_is_not_tried_again(tmp_path: Path) -> None:
    opened = 0

    def open_lane() -> Lane:
        nonlocal opened
        opened += 1
        return ReplayLane({"a": frames.messages(frames.good_run(status=1))})

    with Pool(open_lane, 1) as pool:
        (result,) = pool.run(jobs(tmp_path, "a"))
    assert result.run.judgement.verdict == "fail"
    assert opened == 1


def test_what_opening_a_lane_raises_ends_the_run(tmp_path: Path) -> None:
    def refuse() -> Lane:
        raise MachineError("Docker is full")

    with Pool(refuse, 2) as pool, pytest.raises(MachineError, match="Docker is full"):
        list(pool.run(jobs(tmp_path, "a", "b", "c")))


def test_closing_ends_running_guests_and_forgets_the_rest(tmp_path: Path) -> None:
    lanes = Lanes()
    with pytest.raises(KeyboardInterrupt), Pool(lanes, 1) as pool:
        for result in pool.run(jobs(tmp_path, "a", "endless", "never", a=9.0, endless=8.0)):
            assert result.job.spec.test == "a"
            raise KeyboardInterrupt
    assert all(lane.closed.is_set() for lane in lanes.opened)
    assert "never" not in lanes.order
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("guest")]


def test_host_pressure_is_recorded_where_the_host_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pool(Lanes(), 1) as pool:
        monkeypatch.setattr(runner, "PRESSURE", tmp_path / "absent")
        (result,) = pool.run(jobs(tmp_path, "a"))
        assert result.host_pressure is None
        told = tmp_path / "pressure"
        told.write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull total=5\n")
        monkeypatch.setattr(runner, "PRESSURE", told)
        (result,) = pool.run(jobs(tmp_path, "a"))
        assert result.host_pressure == 0.0


def test_waiting_callers_hear_that_the_lanes_were_closed(tmp_path: Path) -> None:
    pool, said = Pool(Lanes(), 1), list[str]()

    def wait() -> None:
        try:
            list(pool.run(jobs(tmp_path, "endless", "never", endless=9.0)))
        except LaneError as error:
            said.append(str(error))

    caller = threading.Thread(target=wait)
    caller.start()
    while not pool._all:
        time.sleep(0.001)
    pool.close()
    caller.join(60)
    assert len(said) == 1
    with pytest.raises(LaneError, match="the lanes were closed"):
        list(pool.run(jobs(tmp_path, "late")))


def test_a_cancellation_wakes_a_caller_and_close_ends_the_guests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancellation, lanes = Cancellation(), Lanes()
    monkeypatch.setattr(runner, "CANCELLATION", cancellation)
    threading.Timer(0.1, cancellation.request).start()
    with pytest.raises(KeyboardInterrupt), Pool(lanes, 2) as pool:
        list(pool.run(jobs(tmp_path, "endless", "endless", "never", endless=9.0)))
    assert all(lane.closed.is_set() for lane in lanes.opened)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("guest")]


def test_a_lane_that_does_not_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CLOSE_S", 0.2)
    stuck = threading.Event()

    class Stuck(TestLane):
        def close(self) -> None:
            stuck.wait()

    pool = Pool(lambda: Stuck(Lanes()), 1)
    list(pool.run(jobs(tmp_path, "a")))
    pool.close()
    stuck.set()


def test_an_interruption_between_two_results_leaves_no_lock_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where results were awaited in `concurrent.futures`, it left the locks of all futures held for ever."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with Pool(Lanes(), 2) as pool:
        results = pool.run(jobs(tmp_path, *"abcd"))
        monkeypatch.setattr(concurrent.futures._base._AcquireFutures, "__exit__", interrupted)
        assert len(list(results)) == 4
