"""The guest's console: bytes → timed lines. Console text is for people; it never makes a `pass`."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_LINE_BYTES = 4096
KEPT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its line end. `t`: time of its first byte, in seconds since the emulator's start."""

    t: float
    text: str


class LineSplitter:
    """Splits bytes into lines. A longer line is split every MAX_LINE_BYTES, which bounds the memory."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._since = 0.0

    def feed(self, t: float, data: bytes) -> list[Line]:
        """Adds bytes seen at `t`; returns the lines that are now complete."""
        lines: list[Line] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._extend(t, piece, lines)
            self._flush(t, lines)
        self._extend(t, rest, lines)
        return lines

    def finish(self) -> list[Line]:
        """Ends the stream; returns the last line if it has no line end."""
        lines: list[Line] = []
        if self._partial:
            self._flush(self._since, lines)
        return lines

    def _extend(self, t: float, piece: bytes, lines: list[Line]) -> None:
        while piece:
            if not self._partial:
                self._since = t
            room = MAX_LINE_BYTES - len(self._partial)
            self._partial += piece[:room]
            piece = piece[room:]
            if piece:
                self._flush(t, lines)

    def _flush(self, t: float, lines: list[Line]) -> None:
        since = self._since if self._partial else t
        lines.append(Line(since, self._partial.rstrip(b"\r").decode("utf-8", errors="replace")))
        self._partial.clear()


class Transcript:
    """The first and the last KEPT_BYTES of a console of any length."""

    def __init__(self) -> None:
        self._head: list[Line] = []
        self._tail: deque[Line] = deque()
        self._head_room = self._tail_room = KEPT_BYTES
        self.left_out = 0

    def add(self, line: Line) -> None:
        """Adds `line`; may drop an older line from the middle."""
        cost = len(line.text) + 1
        if not self._tail and self._head_room >= cost:
            self._head_room -= cost
            self._head.append(line)
            return
        self._tail_room -= cost
        self._tail.append(line)
        while self._tail_room < 0:
            self._tail_room += len(self._tail.popleft().text) + 1
            self.left_out += 1

    def lines(self) -> tuple[Line, ...]:
        """The kept lines; one line in the middle gives the number of dropped lines, if any."""
        if not self.left_out:
            return (*self._head, *self._tail)
        gap = Line(self._head[-1].t if self._head else 0.0, f"[{self.left_out} lines left out]")
        return (*self._head, gap, *self._tail)


def escape(text: str) -> str:
    """`text` for one line of a terminal: characters that are not printable are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def render(lines: Iterable[Line]) -> str:
    """A readable log: the time and the escaped text of each line."""
    return "".join(f"[{line.t:9.4f}] {escape(line.text)}\n" for line in lines)


def match(line: Line, patterns: Sequence[str]) -> str | None:
    """The first of the tree's patterns (plain text) that occurs in `line`."""
    return next((pattern for pattern in patterns if pattern in line.text), None)
