import itertools
import random

from parity.judge import serial
from parity.judge.serial import KEPT_BYTES, MAX_LINE_BYTES, Line, LineSplitter, Transcript


def split(*pieces: tuple[float, bytes]) -> list[Line]:
    splitter = LineSplitter()
    return [line for t, data in pieces for line in splitter.feed(t, data)] + splitter.finish()


def test_lines_carry_the_time_of_their_first_byte() -> None:
    assert split((0.1, b"one\r\ntw"), (0.2, b"o\n\nrest")) == [
        Line(0.1, "one"),
        Line(0.1, "two"),
        Line(0.2, ""),
        Line(0.2, "rest"),
    ]


def test_any_cutting_gives_the_same_text() -> None:
    data = "größer\nlong ".encode() + b"x" * 10_000 + b"\n\xff\xfe end\n"
    whole = [line.text for line in split((0.0, data))]
    chance = random.Random(2)
    for _ in range(50):
        cuts = [0, *sorted(chance.sample(range(len(data)), 7)), len(data)]
        pieces = [(0.0, data[a:b]) for a, b in itertools.pairwise(cuts)]
        assert [line.text for line in split(*pieces)] == whole


def test_an_endless_line_is_cut() -> None:
    lines = split((0.0, b"x" * (3 * MAX_LINE_BYTES + 5)))
    assert [len(line.text) for line in lines] == [MAX_LINE_BYTES] * 3 + [5]


def test_broken_utf8_is_shown_not_raised() -> None:
    assert split((0.0, b"a\xffb\n"))[0].text == "a\N{REPLACEMENT CHARACTER}b"


def test_a_transcript_keeps_both_ends_of_a_flood() -> None:
    transcript = Transcript()
    for number in range(200_000):
        transcript.add(Line(0.0, f"line {number}"))
    lines = transcript.lines()
    assert lines[0].text == "line 0"
    assert lines[-1].text == "line 199999"
    assert sum(len(line.text) for line in lines) <= 2 * KEPT_BYTES + 100
    kept = len(lines) - 1
    assert f"[{200_000 - kept} lines left out]" in [line.text for line in lines]


def test_a_short_transcript_is_whole() -> None:
    transcript = Transcript()
    transcript.add(Line(0.5, "only"))
    assert transcript.lines() == (Line(0.5, "only"),)
    assert transcript.left_out == 0


def test_nothing_a_guest_prints_reaches_a_terminal_raw() -> None:
    text = serial.render([Line(1.0, "a\x1b[2Jb\x07\u202e\u2028c\x9b")])
    assert text == "[   1.0000] a\\x1b[2Jb\\x07\\u202e\\u2028c\\x9b\n"


def test_patterns_are_plain_text_given_by_the_tree() -> None:
    assert serial.match(Line(0.0, "xx KERNEL PANIC: a.rs"), ["Oops", "KERNEL PANIC:"]) == "KERNEL PANIC:"
    assert serial.match(Line(0.0, "kernel panic"), ["KERNEL PANIC:"]) is None
