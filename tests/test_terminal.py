"""What is shown while something runs: plain lines in a pipe, a moving line on a terminal."""

from __future__ import annotations

import io
import itertools
import re
from time import sleep

import pytest
from rich.console import Console

from parity.core.progress import LaneUse, Stage
from parity.report import terminal
from parity.report.terminal import Screen


def plain() -> tuple[Screen, io.StringIO]:
    text = io.StringIO()
    return Screen(Console(file=text, width=160)), text


def test_a_pipe_gets_a_sign_of_life_and_the_seconds_of_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "HEARTBEAT_S", 0.01)
    screen, text = plain()
    with screen.stage("disk aarch64"):
        screen.say("Compiling core")
        while "…" not in text.getvalue():
            sleep(0.01)
    first, *_, last = text.getvalue().splitlines()
    assert first.startswith("disk aarch64: ") and first.endswith("Compiling core")
    assert f" {screen.stages[0].seconds:.1f} s" in last
    assert screen.stages == [Stage("disk aarch64", screen.stages[0].seconds)]


def test_a_stage_that_failed_is_none_that_was_made() -> None:
    screen, text = plain()
    with pytest.raises(OSError), screen.stage("disk aarch64"):
        raise OSError
    assert "failed" in text.getvalue()
    assert screen.stages == []


def test_on_a_terminal_the_seconds_go_on_while_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    text = io.StringIO()
    screen = Screen(Console(file=text, width=60, force_terminal=True, color_system=None))
    clock = itertools.count(100)
    monkeypatch.setattr(terminal, "monotonic", lambda: float(next(clock)))
    drawn: list[str] = []
    with screen.stage("kernel aarch64-testing"):
        screen.say("Compiling [core]" + 60 * "x")
        while len(drawn) < 3:
            sleep(0.01)
            drawn = re.findall(r"kernel aarch64-testing: (\d+) s  Compiling \[core\]x+\r", text.getvalue())
    assert drawn == sorted(set(drawn), key=int)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not Screen(Console(file=io.StringIO(), force_terminal=True)).live


def test_the_use_of_lanes_is_said_where_there_was_any() -> None:
    screen, text = plain()
    screen.used(LaneUse(1, 1, 0.5, 0.4))
    assert text.getvalue() == ""
    screen.used(LaneUse(24, 2, 6.2, 10.0))
    assert text.getvalue().startswith("24 guests on 2 lanes")
