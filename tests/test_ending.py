"""The end of a guest as events, recorded and made up: one `quit`, and only when it may be said."""

import json
import random
from pathlib import Path

import pytest

from parity.guest.ending import LEAVE_S, Ending, Phase

RECORDINGS = sorted((Path(__file__).parent / "data/guests").glob("*.jsonl"))


def recorded(path: Path) -> list[tuple[float, bool]]:
    """The recorded guest's SHUTDOWN events: when, and whether the guest made it."""
    messages = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    events = [(each["t"], each["message"]) for each in messages if each["type"] == "qmp"]
    return [(t, event["data"]["guest"]) for t, event in events if event.get("event") == "SHUTDOWN"]


def test_there_are_recorded_ends() -> None:
    assert sum(len(recorded(path)) == 2 for path in RECORDINGS) > 5


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recorded_guest_is_told_to_quit_once(path: Path) -> None:
    ending, done = Ending(held=False), []
    shutdowns = recorded(path)
    for t, by_guest in shutdowns:
        ending.shut_down(t, by_guest=by_guest)
        done += [ending.due(t + later) for later in (0.0, 0.1, LEAVE_S / 2)]
    assert [each for each in done if each] == (["quit"] if shutdowns else [])


def test_a_running_guest_is_left_alone() -> None:
    ending = Ending(held=False)
    assert ending.due(1e9) is None
    assert ending.phase is Phase.RUNNING


def test_a_held_guest_is_not_told_to_quit_until_it_is_released() -> None:
    ending = Ending(held=True)
    ending.shut_down(1.0, by_guest=True)
    assert ending.due(1e6) is None
    ending.held = False
    assert [ending.due(1e6), ending.due(1e6)] == ["quit", None]


def test_an_emulator_has_its_time_from_quit_on_and_is_killed_once() -> None:
    ending = Ending(held=True)
    ending.shut_down(1.0, by_guest=True)
    ending.held = False
    assert ending.due(50.0) == "quit"
    assert ending.due(50.0 + LEAVE_S - 0.1) is None
    assert ending.due(50.0 + LEAVE_S) == "kill"
    assert ending.phase is Phase.OVERDUE
    ending.shut_down(70.0, by_guest=False)
    assert ending.due(1e6) is None


def test_an_emulator_that_leaves_for_another_reason_is_told_nothing() -> None:
    ending = Ending(held=False)
    ending.shut_down(1.0, by_guest=False)
    ending.shut_down(1.1, by_guest=True)
    assert ending.due(1.0 + LEAVE_S / 2) is None
    assert ending.due(1.0 + LEAVE_S) == "kill"


def test_no_order_of_events_makes_two_quits() -> None:
    chance = random.Random(5)
    ends = 0
    for _ in range(20_000):
        ending, said, t, left_at = Ending(held=chance.random() < 0.5), [], 0.0, None
        for _ in range(chance.randrange(12)):
            t += chance.choice([0.0, 0.1, LEAVE_S])
            match chance.randrange(5):
                case 0:
                    ending.shut_down(t, by_guest=True)
                case 1:
                    ending.shut_down(t, by_guest=False)
                case 2:
                    ending.leave(t)
                case number:
                    ending.held = number == 3
            before = ending.phase
            due = ending.due(t)
            if due == "quit":
                assert before is Phase.ENDED and not ending.held
            if ending.phase is Phase.LEAVING and left_at is None:
                left_at = t
            if due == "kill":
                assert left_at is not None and t >= left_at + LEAVE_S
            said += [due] if due else []
        assert said in ([], ["quit"], ["kill"], ["quit", "kill"])
        ends += said == ["quit", "kill"]
    assert ends > 100
