"""The end of a command before its time: what waits is woken up, and raises by itself."""

from __future__ import annotations

import itertools
import threading

import pytest

from parity.core.cancellation import Cancellation
from parity.core.errors import MachineError


def later(cancellation: Cancellation, seconds: float = 0.05) -> None:
    threading.Timer(seconds, cancellation.request).start()


def test_nothing_is_raised_before_the_end_is_asked_for() -> None:
    cancellation = Cancellation()
    cancellation.check()
    cancellation.request()
    cancellation.request()
    assert cancellation.requested
    with pytest.raises(KeyboardInterrupt):
        cancellation.check()


def test_what_waits_is_woken_up_and_what_waits_later_does_not_begin() -> None:
    cancellation, woken = Cancellation(), threading.Event()
    with cancellation.on_request(woken.set):
        later(cancellation)
        assert woken.wait(10)
    with pytest.raises(KeyboardInterrupt), cancellation.on_request(lambda: pytest.fail("nothing waits")):
        pytest.fail("it began")


def test_what_has_ended_is_not_woken_up() -> None:
    cancellation = Cancellation()
    with cancellation.on_request(lambda: pytest.fail("it has ended")):
        pass
    cancellation.request()


def test_items_come_in_order_and_errors_are_raised_where_they_are_taken() -> None:
    def make() -> itertools.chain[int]:
        return itertools.chain([1, 2], (1 // zero for zero in [0]))

    taken = []
    with pytest.raises(ZeroDivisionError):
        for item in Cancellation().each(make, "count", 10):
            taken.append(item)  # noqa: PERF402 - it ends with an error
    assert taken == [1, 2]
    assert Cancellation().result(lambda: None, "do nothing", 10) is None


def test_a_call_that_cannot_be_ended_is_left_behind() -> None:
    cancellation, stuck = Cancellation(), threading.Event()
    later(cancellation)
    with pytest.raises(KeyboardInterrupt):
        cancellation.result(stuck.wait, "wait", 60)
    stuck.set()


def test_a_call_that_gives_nothing_ends_at_its_deadline() -> None:
    stuck = threading.Event()
    with pytest.raises(MachineError, match=r"cannot pull x: nothing happened for 0\.05 s"):
        Cancellation().result(lambda: stuck.wait(60), "pull x", 0.05)
    stuck.set()


def test_ctrl_c_is_the_foreground_programs_while_there_is_one() -> None:
    cancellation = Cancellation()
    with cancellation.shield():
        assert cancellation.shielded
    assert not cancellation.shielded
