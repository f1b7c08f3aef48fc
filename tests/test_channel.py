import ast
import random
import zlib
from pathlib import Path

import frames
import pytest

from parity.channel import (
    ChannelError,
    Decoder,
    ExecFailure,
    Hello,
    Panic,
    Plan,
    ProcessEnd,
    ProcessStart,
    Record,
    Shutdown,
    Stage,
    TestEnd,
    TestStart,
    encode,
)

GOLDEN = Path(__file__).parents[1] / "kernel/libs/record/tests"


def decode(data: bytes, cuts: list[int] | None = None) -> list[Record]:
    decoder, records, before = Decoder(), list[Record](), 0
    for cut in [*(cuts or []), len(data)]:
        records += decoder.feed(data[before:cut])
        before = cut
    return records + decoder.finish()


def test_every_kind_of_record() -> None:
    data = (
        frames.hello(cpus=4, features="testing,boot_tests")
        + frames.stage("memory")
        + frames.start(1, 0, b"/bin/x")
        + frames.end(2, 1, -1, b"", survivor=True)
        + frames.plan(80)
        + frames.test_start("mm:a")
        + frames.test_end("mm:a", 1, "it broke")
        + frames.panic("a.rs:1:2: größer")
        + frames.shutdown(1)
        + frames.exec_failure(8, b"/bin/x")
    )
    assert decode(data) == [
        Hello(1, "aarch64", 4, ("testing", "boot_tests")),
        Stage("memory"),
        ProcessStart(1, 0, "/bin/x"),
        ProcessEnd(2, 1, -1, True, ""),
        Plan(80),
        TestStart("mm:a"),
        TestEnd("mm:a", 1, "it broke"),
        Panic(0, "a.rs:1:2: größer"),
        Shutdown(1),
        ExecFailure(8, "/bin/x"),
    ]


def test_the_kernels_own_golden_frames() -> None:
    kinds = [Hello, Stage, ProcessStart, ProcessEnd, Plan, TestStart, TestEnd, Panic, Shutdown, ExecFailure]
    wanted = [ast.literal_eval(line) for line in (GOLDEN / "golden.txt").read_text().splitlines()]
    records = decode((GOLDEN / "golden.bin").read_bytes())
    assert len(records) == len(wanted)
    for record, fields in zip(records, wanted, strict=True):
        assert type(record) is kinds[fields.pop("type") - 1]
        for name, value in fields.items():
            expected = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
            if name == "features":
                expected = tuple(expected.split(",")) if expected else ()
            if name == "arch":
                expected = {1: "aarch64", 2: "x86_64"}[value]
            assert getattr(record, name) == expected, name


def test_any_cutting_gives_the_same_records() -> None:
    data = frames.good_run() + b"PRjunk" + frames.panic("x") + b"P" + frames.shutdown()[:-1]
    whole = decode(data)
    assert decode(data, list(range(len(data)))) == whole
    chance = random.Random(1)
    for _ in range(200):
        assert decode(data, sorted(chance.sample(range(len(data)), 9))) == whole


def test_a_program_name_may_hold_newlines_and_whole_forged_frames() -> None:
    name = b"/bin/x\n" + frames.shutdown() + frames.panic("forged") + b"\xff"
    (record,) = decode(frames.start(3, 1, name))
    assert isinstance(record, ProcessStart)
    assert record.program.startswith("/bin/x\n")
    assert record.program.endswith("\\xff")


@pytest.mark.parametrize("position", range(len(frames.stage("timer"))))
def test_one_damaged_byte_costs_one_record_and_is_reported(position: int) -> None:
    damaged = bytearray(frames.stage("timer"))
    damaged[position] ^= 0x55
    records = decode(frames.hello() + bytes(damaged) + frames.shutdown())
    assert isinstance(records[0], Hello)
    assert any(isinstance(record, ChannelError) for record in records[1:])
    assert Stage("timer") not in records


def test_a_panic_inside_a_cut_record_is_found() -> None:
    cut = frames.stage("x" * 1000)[:500]
    records = decode(frames.hello() + cut + frames.panic("while writing"))
    assert records[1:] == [ChannelError("a record was cut off", len(cut)), Panic(0, "while writing")]


def test_junk_is_one_error_with_its_length() -> None:
    assert decode(b"x" * 100_000 + frames.shutdown()) == [
        ChannelError("bytes that begin no record", 100_000),
        Shutdown(0),
    ]


def test_junk_does_not_pile_up() -> None:
    decoder = Decoder()
    for _ in range(100):
        decoder.feed(b"PRP" * 10_000)
    assert len(decoder._buffer) < 3000


@pytest.mark.parametrize(
    "frame",
    [
        encode(11, b""),  # unknown type
        encode(1, b"\x01"),  # too short
        encode(10, b"\x08\0\0"),
        encode(9, b"\0\0"),  # too long
        encode(7, b"\0\xff\xffname"),  # a name longer than the payload
        encode(7, b"\x03\0\0"),  # no such status
        encode(4, frames.end(1, 0, 0, b"")[6:-5] + b"\x02"),  # survivor neither 0 nor 1
    ],
)
def test_a_whole_frame_without_sense_is_an_error(frame: bytes) -> None:
    (record,) = decode(frame)
    assert isinstance(record, ChannelError)


def test_flags_and_lengths_out_of_range_are_no_frame() -> None:
    body = b"\x02\x01\x01\x00a"  # type, flags 1, length; the checksum is right
    flagged = b"PR" + body + zlib.crc32(body).to_bytes(4, "little")
    assert decode(flagged) == [ChannelError("a record's header is damaged", len(flagged))]
    assert not any(isinstance(record, Stage) for record in decode(encode(2, b"x" * 2049)))
    assert decode(encode(2, b"x" * 2048)) == [Stage("x" * 2048)]
