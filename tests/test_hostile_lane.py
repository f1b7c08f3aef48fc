"""What lanes send and recordings hold is data: taken as it must be, or refused in one line."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_lane import FakeAttached, framed, opened
from test_machine import spec

from parity.core.errors import UserError
from parity.guest.guest import judge_recording, judged
from parity.guest.lane import FrameReader, LaneError, Message
from parity.guest.message import DATA_MOST, HEADER_MOST

pytestmark = pytest.mark.attack

RECORDINGS = sorted((Path(__file__).parent / "data/guests").glob("*.jsonl"))
ODD: list[Any] = [None, True, -1, 0.5, 2**70, 1e308, "", "x\n", "\0", [], ["a"], {}, {"a": {}}, "9" * 5000]
ROUNDS = [200, pytest.param(20_000, marks=[pytest.mark.thorough, pytest.mark.timeout(3600)])]
VCPU = {"thread": "CPU 0/TCG", "cpu_s": 0.1, "run_delay_s": 0.1}
ODD_PIDS: list[object] = [None, "1", []]
ODD_COUNTS: list[object] = [None, "1", -1, {}]
SAMPLE: dict[str, Any] = {"vcpus": [VCPU], "serial_bytes": 1, "channel_bytes": 1}


@pytest.mark.parametrize(
    "frame",
    [
        *(b"3\n", b"[]\n", b"{}\n", b"null\n", b"\xff\n", b"[" * 100_000 + b"\n", b"x" * (HEADER_MOST + 1)),
        *(b'{"type": "serial", "t": %s, "n": 0}\n' % t for t in (b"NaN", b"1e400", b"-1", b'"1"', b"null")),
        *(
            b'{"type": "serial", "t": 1, "n": %s}\n' % n
            for n in (b"-1", b"1.5", b'"1"', b"9" * 5000, b"null")
        ),
        b'{"type": "serial", "t": 1, "n": %d}\n' % (DATA_MOST + 1),
        b'{"type": ["serial"], "t": 1, "n": 0}\n',
        *(framed("started", pid=pid) for pid in ODD_PIDS),
        *(framed("exit"), framed("exit", asked=False), framed("exit", asked=False, status=0, signal=9)),
        *(framed("exit", asked=1, status=0), framed("exit", asked=False, status="0")),
        *(
            framed("qmp"),
            framed("qmp", message={}),
            framed("qmp", message=[]),
            framed("qmp", message={"QMP": {}}),
        ),
        *(framed("qmp", message={"event": 3}), framed("qmp", message={"event": "SHUTDOWN", "data": 3})),
        *(framed("sample", **{**SAMPLE, name: value}) for name in SAMPLE for value in ODD_COUNTS),
        *(framed("sample", **{**SAMPLE, "vcpus": [{**VCPU, "cpu_s": value}]}) for value in ("1", -1, None)),
        *(framed("failed"), framed("broken", message=3), framed("dropped", stream="channel", count=-1)),
        *(
            framed("hold"),
            framed("hold", on="yes"),
            framed("reply", reply=3),
            framed("reply", reply={"error": 3}),
        ),
        framed("serial", more=1),
    ],
)
def test_what_is_no_message_is_the_lanes_failure(frame: bytes, tmp_path: Path) -> None:
    with pytest.raises(LaneError, match="it sent an invalid message"):
        list(opened(FakeAttached(("stdout", frame)), tmp_path).run(spec()))


def changed(chance: random.Random, value: Any) -> Any:
    """A value with one of the values in it replaced, added or left out."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {key: each for key, each in value.items() if key != name}
        return {**value, name: changed(chance, value[name])}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], changed(chance, value[at]), *value[at + 1 :]]
    return chance.choice(ODD)


def flipped(chance: random.Random, data: bytes) -> bytes:
    """Bytes of which some are changed, removed or said twice."""
    for _ in range(chance.randrange(1, 4)):
        at, size = chance.randrange(len(data)), chance.randrange(1, 50)
        middle = chance.choice([chance.randbytes(size), b"", 2 * data[at : at + size]])
        data = data[:at] + middle + data[at + size :]
    return data


def frames_of(lines: list[str]) -> Iterator[bytes]:
    for message in map(Message.from_json, lines):
        yield framed(message.kind, message.t, message.data, **message.fields)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_frames_that_were_changed_are_messages_or_refused(rounds: int) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for number in range(rounds):
        lines = chance.choice(RECORDINGS).read_text().splitlines()[1:][:100]
        if chance.random() < 0.5:
            at = chance.randrange(len(lines))
            values = changed(chance, json.loads(lines[at]))
            data = values.pop("data", "") if isinstance(values, dict) else ""
            frames = [
                *frames_of(lines[:at]),
                (json.dumps(values) + "\n" + str(data)).encode(),
                *frames_of(lines[at + 1 :]),
            ]
            stream = b"".join(frames)
        else:
            stream = flipped(chance, b"".join(frames_of(lines)))
        reader, messages = FrameReader(), list[Message]()
        try:
            for at in range(0, len(stream), 4096):
                messages += reader.feed(stream[at : at + 4096])
        except ValueError:
            pass
        try:
            judged(spec(), ["panicked"], messages)
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error


@pytest.mark.parametrize("rounds", ROUNDS)
def test_recordings_that_were_changed_are_judged_or_refused(tmp_path: Path, rounds: int) -> None:
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    recording = tmp_path / "recording.jsonl"
    for number in range(rounds):
        content = chance.choice(RECORDINGS).read_bytes()
        if chance.random() < 0.5:
            lines = content.splitlines()
            at = chance.choice([0, chance.randrange(len(lines))])
            lines[at] = json.dumps(changed(chance, json.loads(lines[at]))).encode()
            content = b"\n".join(lines)
        else:
            content = flipped(chance, content)
        recording.write_bytes(content)
        try:
            judge_recording(recording)
        except UserError:
            pass
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error
