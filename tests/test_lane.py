import json
import random
from pathlib import Path
from typing import Any, cast

import frames
import pytest
from test_machine import spec, virt

from parity.core.errors import InfraError, MachineError
from parity.docker.engine import Attached
from parity.guest import lane
from parity.guest.lane import DockerLane, FrameReader, LaneError, LaneSize, Message, ReplayLane
from parity.store.store import Store


def framed(kind: str, t: float = 0.5, data: bytes = b"", **fields: object) -> bytes:
    return json.dumps({"type": kind, "t": t, "n": len(data), **fields}).encode() + b"\n" + data


def test_frames_in_any_pieces() -> None:
    data = (
        framed("serial", data=b"a\nb") + framed("exit", asked=False, status=0) + framed("x", data=b"\n" * 99)
    )
    whole = FrameReader().feed(data)
    assert whole == [
        Message("serial", 0.5, b"a\nb"),
        Message("exit", 0.5, b"", {"asked": False, "status": 0}),
        Message("x", 0.5, b"\n" * 99),
    ]
    chance = random.Random(4)
    for _ in range(100):
        reader, seen, rest = FrameReader(), list[Message](), data
        while rest:
            size = chance.randrange(1, 40)
            seen, rest = seen + reader.feed(rest[:size]), rest[size:]
        assert seen == whole


def test_messages_survive_a_recording() -> None:
    for message in [*frames.messages(b"\0\xff", b"text"), frames.sample(1.0, 0.5, 0.1)]:
        assert Message.from_json(message.to_json()) == message


class FakeAttached:
    """A container: gives the pieces it was made with, then ends; remembers what was written to it."""

    def __init__(self, *pieces: tuple[str, bytes]) -> None:
        self.id, self.pieces, self.written, self.closed = "c" * 64, pieces, list[Any](), False

    def frames(self) -> Any:
        yield from self.pieces

    def write(self, data: bytes) -> None:
        self.written.append(json.loads(data))

    def close(self, grace_s: float = 2.0) -> None:
        self.closed = True


def opened(attached: FakeAttached, tmp_path: Path) -> DockerLane:
    return DockerLane(cast(Attached, attached), Store(tmp_path))


def test_a_docker_lane_runs_a_guest_from_the_store(tmp_path: Path) -> None:
    attached = FakeAttached(("stdout", framed("started", pid=3) + framed("exit", asked=False, status=0)))
    docker = opened(attached, tmp_path)
    assert [message.kind for message in docker.run(spec())] == ["started", "exit"]
    (command,) = attached.written
    assert command["cmd"] == "run"
    assert command["fds"] == {"serial": 10, "channel": 11, "qmp": 12}
    assert command["files"] == [[f"/store/bb/{'b' * 64}", "/lane/disk.img", "b" * 64]]
    assert command["shared"] == [[f"/store/aa/{'a' * 64}", f"/lane/{'a' * 64}", "a" * 64]]
    assert f"/lane/{'a' * 64}" in command["argv"]
    docker.close()
    assert attached.closed


def test_a_guest_without_a_disk_copies_nothing(tmp_path: Path) -> None:
    attached = FakeAttached(("stdout", framed("exit", asked=False, status=0)))
    list(opened(attached, tmp_path).run(spec(disk=None)))
    assert attached.written[0]["files"] == []


@pytest.mark.parametrize(
    ("pieces", "cause"),
    [
        ([], "its container ended"),
        ([("stdout", framed("started", pid=3))], "its container ended"),
        ([("stderr", b"Traceback: boom\n")], "boom"),
        ([("stdout", b"not a frame\n")], "it sent an invalid message"),
        ([("stdout", framed("broken", message="no room"))], "the lane could not start a guest: no room"),
    ],
)
def test_a_lane_that_fails_says_why(pieces: list[tuple[str, bytes]], cause: str, tmp_path: Path) -> None:
    with pytest.raises(LaneError) as raised:
        list(opened(FakeAttached(*pieces), tmp_path).run(spec()))
    assert cause in str(raised.value)


def test_a_store_that_guests_cannot_read_ends_the_command_at_once(tmp_path: Path) -> None:
    frame = framed("broken", message="cannot copy x: Permission denied", unreadable=True)
    with pytest.raises(MachineError, match=r"guests cannot read .*: Permission denied"):
        list(opened(FakeAttached(("stdout", frame)), tmp_path).run(spec()))


def test_a_lost_connection_is_the_lanes_failure(tmp_path: Path) -> None:
    class Lost(FakeAttached):
        def frames(self) -> Any:
            yield "stdout", framed("started", pid=3)
            raise MachineError("lost the connection")

        def write(self, data: bytes) -> None:
            if b"stop" in data:
                raise InfraError("it no longer reads")

    docker = opened(Lost(), tmp_path)
    with pytest.raises(LaneError, match="lost the connection"):
        list(docker.run(spec()))
    with pytest.raises(LaneError, match="no longer reads"):
        docker.stop()


def test_a_silent_lane_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(FakeAttached):
        def frames(self) -> Any:
            while not self.closed:
                yield "stdout", b""

    monkeypatch.setattr(lane, "HEARTBEAT_S", 0.05)
    docker = opened(Silent(), tmp_path)
    with pytest.raises(LaneError, match="no message for"):
        list(docker.run(spec()))
    docker.close()


def test_a_lane_can_be_closed_in_the_middle_of_a_flood(tmp_path: Path) -> None:
    attached = FakeAttached(*[("stdout", framed("serial", data=b"x"))] * (3 * lane.QUEUED))
    docker = opened(attached, tmp_path)
    next(docker.run(spec()))
    docker.close()
    docker.close()
    with pytest.raises(LaneError, match="closed"):
        next(docker.run(spec()))


def test_qmp_keeps_what_comes_before_its_answer(tmp_path: Path) -> None:
    reply = {"id": 1, "return": {"status": "running"}}
    output = framed("started", pid=3) + framed("serial", data=b"x") + framed("reply", reply=reply)
    attached = FakeAttached(("stdout", output + framed("exit", asked=False, status=0)))
    docker = opened(attached, tmp_path)
    messages = docker.run(spec())
    assert next(messages).kind == "started"
    assert docker.qmp("query-status") == reply
    assert [message.kind for message in messages] == ["serial", "exit"]
    assert attached.written[1] == {"cmd": "qmp", "id": 1, "execute": "query-status", "arguments": {}}


def test_qmp_fails_when_the_emulator_ends_first(tmp_path: Path) -> None:
    attached = FakeAttached(("stdout", framed("started", pid=3) + framed("exit", asked=False, status=0)))
    docker = opened(attached, tmp_path)
    next(docker.run(spec()))
    with pytest.raises(LaneError, match="before it answered query-status"):
        docker.qmp("query-status")


def test_a_lanes_size_is_that_of_its_largest_guest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    disks = [store.put_bytes(bytes(size)) for size in (3, 15 * 2**20 + 1)]
    small = virt()
    machine = type(small)(**{**vars(small), "vcpus": 4, "memory_mib": 512})
    kernels = [store.put_bytes(b"k" * size) for size in (1, 2**20, 2**21)]  # of which two stay in the lane
    large = spec(machine=machine, disk=disks[0], kernel=kernels[0])
    size = LaneSize.of(
        [spec(disk=None, kernel=kernels[1]), large, spec(disk=disks[1], kernel=kernels[2])], store
    )
    assert size == LaneSize(4, 512, 19)
    limits = size.limits()
    assert limits.cpus == 5
    assert limits.memory_mib == 512 + 19 + lane.EMULATOR_MIB
    assert limits.pids is not None


def test_replay_needs_a_whole_recording() -> None:
    messages = frames.messages(frames.good_run())
    assert list(ReplayLane({"fork_test": messages}).run(spec())) == messages
    with pytest.raises(LaneError, match="no recording of fork_test"):
        list(ReplayLane({}).run(spec()))
    with pytest.raises(LaneError, match="is truncated"):
        list(ReplayLane({"fork_test": messages[:-1]}).run(spec()))
