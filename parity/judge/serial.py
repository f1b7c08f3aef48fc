"""The guest's console: bytes into timed lines. Text here is for people; no verdict of `pass` rests on it."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_LINE_BYTES = 4096
KEPT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. `t`: when its first byte was seen, in seconds since the emulator's start."""

    t: float
    text: str


class LineSplitter:
    """Bytes in any pieces into lines; an endless line is cut every MAX_LINE_BYTES to bound memory."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._since = 0.0

    def feed(self, t: float, data: bytes) -> list[Line]:
        """Add bytes seen at `t`; returns the lines now complete."""
        lines: list[Line] = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._extend(t, piece, lines)
            self._flush(t, lines)
        self._extend(t, rest, lines)
        return lines

    def finish(self) -> list[Line]:
        """No more bytes will come: the line without an end, if any."""
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
    """The first and the last KEPT_BYTES of a console, whatever its length."""

    def __init__(self) -> None:
        self._head: list[Line] = []
        self._tail: deque[Line] = deque()
        self._head_room = self._tail_room = KEPT_BYTES
        self.left_out = 0

    def add(self, line: Line) -> None:
        """Keep `line`, perhaps giving up an older one from the middle."""
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
        """What was kept; where lines were left out, one line says how many."""
        if not self.left_out:
            return (*self._head, *self._tail)
        gap = Line(self._head[-1].t if self._head else 0.0, f"[{self.left_out} lines left out]")
        return (*self._head, gap, *self._tail)


def escape(text: str) -> str:
    """`text` safe to show on one line of a terminal: all but printable characters is written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def render(lines: Iterable[Line]) -> str:
    """A readable log: a time stamp and the escaped text of each line."""
    return "".join(f"[{line.t:9.4f}] {escape(line.text)}\n" for line in lines)


def match(line: Line, patterns: Sequence[str]) -> str | None:
    """The first of the tree's patterns (plain text) that occurs in `line`."""
    return next((pattern for pattern in patterns if pattern in line.text), None)
