"""Progress on the terminal: stages, number of finished tests, failures at once.

On a terminal, the current stage has a spinner and shows its last line. Elsewhere (a pipe, CI), the output is
plain lines, with a progress line every `HEARTBEAT_S` seconds. rich honours NO_COLOR.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from parity.core.progress import LaneUse, Stage
from parity.core.row import Row

HEARTBEAT_S = 10.0
PIPE_COLUMNS = 160
STYLES = {"pass": "green", "missing": "dim", "not_run": "dim"}


def style(verdict: str) -> str:
    """The colour of a verdict: green, dim, or red."""
    return STYLES.get(verdict, "red")


def _console() -> Console:
    """A console on standard output. A pipe gets PIPE_COLUMNS, because tables need more than 80."""
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = PIPE_COLUMNS
    return console


class Screen:
    """Prints the progress of a command; `stages` are the stages that have ended."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _console()
        moves = self.console.is_terminal and not self.console.is_dumb_terminal
        self.live = moves and not os.environ.get("CI")
        self.stages: list[Stage] = []
        self._opened = monotonic()
        self._title = ""
        self._text = ""
        self._began = 0.0

    def note(self, text: str, look: str = "") -> None:
        """Prints a line that stays."""
        self.console.print(escape(text), style=look or None)

    def say(self, text: str) -> None:
        """Shows what the current stage does; the next text replaces it."""
        self._text = text

    @contextmanager
    def stage(self, title: str, *, result: str = "done") -> Iterator[None]:
        """Runs a stage; prints its duration, or that it failed."""
        with self._moving(title):
            try:
                yield
            except BaseException:
                self.note(f"{title}: failed after {self._elapsed():.1f} s", "red")
                raise
        self.stages.append(Stage(title, self._elapsed()))
        self.note(f"{title}: {result} in {self.stages[-1].seconds:.1f} s")

    def used(self, use: LaneUse) -> None:
        """Prints how well the lanes were used, if there was more than one guest."""
        if use.guests > 1 and use.ideal_s:
            within = f"{use.guests} guests on {use.lanes} lanes in {use.span_s:.3f} s"
            self.note(f"{within}, {use.span_s / use.ideal_s:.2f} × the ideal of {use.ideal_s:.3f} s")

    @property
    def age_s(self) -> float:
        """Seconds since the command began."""
        return monotonic() - self._opened

    @contextmanager
    def tests(self, total: int) -> Iterator[TestView]:
        """Shows a run of `total` tests."""
        with self._moving("tests"):
            yield TestView(self, total)
        self.stages.append(Stage("tests", self._elapsed()))

    @contextmanager
    def _moving(self, title: str) -> Iterator[None]:
        self._title, self._text, self._began = title, "", monotonic()
        if self.live:
            with Status(_Moving(self), console=self.console):
                yield
            return
        over = Event()
        beat = Thread(target=self._heartbeat, args=(over,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            over.set()
            beat.join()

    def _heartbeat(self, over: Event) -> None:
        while not over.wait(HEARTBEAT_S):
            self.note(f"{self._title}: {self._elapsed():.0f} s … {self._text}".rstrip(" …"))

    def _elapsed(self) -> float:
        return monotonic() - self._began


class _Moving:
    """The line of the current stage on a terminal; each refresh updates its seconds."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def __rich__(self) -> Text:
        screen = self._screen
        line = Text.assemble(f"{screen._title}: {screen._elapsed():.0f} s  ", (screen._text, "dim"))
        line.truncate(max(20, screen.console.width - 4))  # the spinner is before it
        return line


class TestView:
    """The number of finished tests; a surprise is printed at once, with the path of its log."""

    __test__ = False  # not a pytest class

    def __init__(self, screen: Screen, total: int) -> None:
        self.screen, self.total, self.done, self.surprises = screen, total, 0, 0

    def finished(self, row: Row) -> None:
        """Takes the row of a test that has just ended."""
        self.done += 1
        self.surprises += row.surprise
        if row.surprise:
            look, excuse = ("yellow", f"  ({row.quarantine})") if row.excused else ("red", "")
            line = f"{row.verdict} {row.name} {row.arch}: {row.cause}  log: {row.log}{excuse}"
            self.screen.note(line, look)
            if row.sentence:
                self.screen.note(f"    {row.failure_kind}: {row.sentence}", look)
        elif not self.screen.live:
            self.screen.note(
                f"{self.done}/{self.total} {row.verdict} {row.name} {row.arch} {row.wall_s:.2f} s"
            )
        self.screen.say(f"{self.done}/{self.total}, not as expected: {self.surprises}, last: {row.name}")
