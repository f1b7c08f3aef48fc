"""The supervisor as a process, as in a lane, with a program that plays the emulator."""

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from parity.guest import streams
from parity.guest.ending import LEAVE_S
from parity.guest.lane import FINAL_KINDS, INSIDE, LOADER, FrameReader, Message, supervisor_code

FAKE = [sys.executable, str(Path(__file__).with_name("fake_emulator.py"))]
HELLO = [b"hello\n"[a:b] for a in range(6) for b in range(a + 1, 7)]  # any piece of it
FDS = {"serial": 10, "channel": 11, "qmp": 12}

DIGEST = hashlib.sha256(b"content").hexdigest()


class Client:
    """Starts a supervisor as a lane does, and speaks with it."""

    def __init__(self, inside: bytes) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", LOADER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.write(inside)

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **command: object) -> None:
        self.write(json.dumps(command).encode() + b"\n")

    def run(self, *argv: str, files: list[list[str]] | None = None, **more: object) -> None:
        self.send(cmd="run", argv=list(argv), files=files or [], shared=[], fds=FDS, **more)

    def messages(self) -> Iterator[Message]:
        assert self.process.stdout is not None
        reader = FrameReader()
        while piece := os.read(self.process.stdout.fileno(), 65536):
            for message in reader.feed(piece):
                yield message
                if message.kind in FINAL_KINDS:
                    return

    def until(self, kind: str, data: bytes = b"") -> Message:
        return next(message for message in self.messages() if message.kind == kind and data in message.data)

    def peak_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@pytest.fixture
def client() -> Iterator[Client]:
    with serving(supervisor_code()) as started:
        yield started


@contextlib.contextmanager
def serving(inside: bytes) -> Iterator[Client]:
    started = Client(inside)
    with started.process:
        yield started
        assert started.process.stdin is not None
        started.process.stdin.close()
        assert started.process.wait(5) == 0


def impatient() -> bytes:
    """What is handed over, with an emulator's time to leave cut to 0.2 s."""
    text = supervisor_code()[4:].decode()
    assert text.count(f"LEAVE_S = {LEAVE_S}") == 1
    data = text.replace(f"LEAVE_S = {LEAVE_S}", "LEAVE_S = 0.2").encode()
    return len(data).to_bytes(4, "big") + data


def gist(messages: list[Message]) -> list[Any]:
    names = {"qmp": lambda m: m.fields["message"].get("event", "greeting")}
    return [names.get(m.kind, lambda m: m.data or m.kind)(m) for m in messages if m.kind != "sample"]


def test_a_guest_from_start_to_reaped(client: Client) -> None:
    client.run(*FAKE, "talk")
    messages = list(client.messages())
    seen = gist(messages)
    assert seen[0] == "started"
    assert {"greeting", "RESUME"} <= set(seen)
    assert seen[-2:] == ["SHUTDOWN", "exit"]
    assert b"".join(message.data for message in messages if message.kind == "serial") == b"hello\n"
    assert b"".join(message.data for message in messages if message.kind == "channel") == b"first"
    assert b"".join(message.data for message in messages if message.kind == "stderr") == b"a warning\n"
    assert messages[-1].fields == {"asked": False, "status": 0}
    assert [message.t for message in messages] == sorted(message.t for message in messages)
    assert not {"reply", "dropped"} & {message.kind for message in messages}


def test_what_was_written_before_the_end_is_reported_before_it(client: Client) -> None:
    for _ in range(5):
        client.run(*FAKE, "talk")
        seen = gist(list(client.messages()))
        end = seen.index("SHUTDOWN")
        assert b"a warning\n" in seen[:end]
        assert b"first" in seen[:end]
        assert seen.index(b"first") < next(at for at, what in enumerate(seen) if what in HELLO), "later text"


def test_a_flood_is_counted_and_dropped_and_memory_stays_flat(client: Client) -> None:
    client.run(*FAKE, "flood")
    kept: dict[str, int] = {}
    dropped: dict[str, int] = {}
    for message in client.messages():
        kept[message.kind] = kept.get(message.kind, 0) + len(message.data)
        if message.kind == "dropped":
            dropped[message.fields["stream"]] = message.fields["count"]
    mib = 1024 * 1024
    assert (kept["serial"], kept["channel"]) == (16 * mib, 16 * mib)
    assert dropped == {"serial": 24 * mib, "channel": mib}
    assert client.peak_mib() < 64


def test_a_client_that_does_not_read_does_not_stop_the_guest(client: Client) -> None:
    client.run(*FAKE, "flood")
    started = client.until("started")
    pid, deadline = started.fields["pid"], time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the guest waits for its client"
        time.sleep(0.05)
    assert client.peak_mib() < 128
    assert client.until("exit").fields["status"] == 0


def test_samples_count_the_vcpu_threads(client: Client) -> None:
    client.run(*FAKE, "work")
    samples = []
    for message in client.messages():
        if message.kind == "sample":
            samples.append(message)
            if len(samples) == 2:
                client.send(cmd="stop")
        last = message
    for number, sample in enumerate(samples[:2], start=1):
        assert number <= sample.t < number + 0.9
        (vcpu,) = sample.fields["vcpus"]
        assert vcpu["thread"] == "CPU 0/TCG"
        assert vcpu["cpu_s"] > 0
        assert vcpu["run_delay_s"] >= 0
        assert sample.fields["serial_bytes"] == len("working")
    assert samples[1].fields["vcpus"][0]["cpu_s"] > samples[0].fields["vcpus"][0]["cpu_s"]
    assert last.fields == {"asked": True, "signal": 9}


def test_qmp_commands_are_passed_on_and_their_answers_back(client: Client) -> None:
    client.run(*FAKE, "answer")
    client.until("serial")
    client.send(cmd="qmp", id=7, execute="query-x", arguments={"a": 1})
    reply = client.until("reply").fields["reply"]
    assert reply == {"return": {"got": {"execute": "query-x", "arguments": {"a": 1}, "id": 7}}, "id": 7}
    client.send(cmd="stop")
    client.until("exit")


def test_a_held_guest_is_left_to_the_client(client: Client) -> None:
    client.run(*FAKE, "talk", hold=True)
    kinds = []
    for message in client.messages():
        kinds.append(message.kind)
        if kinds.count("sample") == 2:
            client.send(cmd="qmp", id=1, execute="quit")
            break
    assert "exit" not in kinds
    assert client.until("exit").fields == {"asked": False, "status": 0}


def test_a_held_guest_goes_when_it_is_released(client: Client) -> None:
    client.run(*FAKE, "talk", hold=True)
    assert client.until("hold").fields == {"on": True}
    client.send(cmd="release")
    assert client.until("hold").fields == {"on": False}
    assert client.until("exit").fields == {"asked": False, "status": 0}


def test_a_held_guest_that_says_the_words_is_let_go(client: Client) -> None:
    words = [base64.b64encode(each).decode() for each in (b"never said", b"irs")]
    client.run(*FAKE, "talk", hold=True, release_on=words)
    kinds = [message.kind for message in client.messages()]
    assert kinds[-1] == "exit"
    assert "hold" not in kinds
    client.run(*FAKE, "talk", hold=True, release_on=words[:1])
    assert client.until("hold").fields == {"on": True}
    client.send(cmd="stop")
    client.until("exit")


def test_a_running_guest_is_held_and_typed_to(client: Client) -> None:
    client.run(*FAKE, "echo")
    client.until("serial")
    client.send(cmd="hold")
    assert client.until("hold").fields == {"on": True}
    client.send(cmd="write", to="serial", data=base64.b64encode(b"typed").decode())
    assert client.until("serial").data == b"typed"
    client.send(cmd="release")
    assert client.until("hold").fields == {"on": False}
    client.send(cmd="stop")
    client.until("exit")


def test_memory_comes_through_a_file_that_goes(client: Client, tmp_path: Path) -> None:
    client.run(*FAKE, "memory")
    client.until("serial")
    arguments = {"val": 16, "size": 4, "filename": str(tmp_path / "memory")}
    client.send(cmd="memory", execute="pmemsave", arguments=arguments)
    assert client.until("memory").data == b"MEM4"
    assert not (tmp_path / "memory").exists()
    client.send(cmd="memory", execute="pmemsave", arguments={**arguments, "size": 0})
    refused = client.until("reply").fields["reply"]
    assert (refused["id"], refused["error"]["desc"]) == ("memory", "nothing there")
    client.send(cmd="stop")
    client.until("exit")


def test_an_emulator_that_does_not_leave_is_killed() -> None:
    with serving(impatient()) as client:
        client.run(*FAKE, "does not leave")
        assert client.until("exit").fields == {"asked": False, "overdue": True, "signal": 9}
        client.run(*FAKE, "does not leave", hold=True)
        client.until("hold")
        client.until("sample")  # nobody hurries a guest that is looked at
        client.send(cmd="release")
        assert client.until("exit").fields == {"asked": False, "overdue": True, "signal": 9}
        client.run(*FAKE, "talk")
        assert client.until("exit").fields == {"asked": False, "status": 0}


def test_quit_is_said_once_however_slowly_the_emulator_leaves(client: Client) -> None:
    client.run(*FAKE, "leaves slowly")
    assert client.until("exit").fields == {"asked": False, "status": 0}


def test_quit_is_said_once_to_a_guest_that_is_released_after_its_end(client: Client) -> None:
    client.run(*FAKE, "leaves slowly")
    while client.until("qmp").fields["message"].get("event") != "SHUTDOWN":
        pass
    for command in ("release", "hold", "release"):
        client.send(cmd=command)
    assert client.until("exit").fields == {"asked": False, "status": 0}


def test_quit_is_not_said_after_the_clients_own(client: Client) -> None:
    client.run(*FAKE, "leaves slowly", hold=True)
    client.until("hold")
    client.send(cmd="qmp", id=1, execute="quit")
    client.send(cmd="release")
    assert client.until("exit").fields == {"asked": False, "status": 0}


def test_nothing_is_said_to_an_emulator_that_leaves_by_itself(client: Client) -> None:
    client.run(*FAKE, "leaves by itself")
    assert client.until("exit").fields == {"asked": False, "status": 0}


@pytest.mark.parametrize(
    ("argv", "kind", "fields"),
    [
        (("/nonexistent/qemu",), "failed", {"message": "/nonexistent/qemu: No such file or directory"}),
        ((*FAKE, "abort"), "exit", {"asked": False, "signal": 6}),
        (("false",), "exit", {"asked": False, "status": 1}),
    ],
)
def test_how_emulators_end(
    client: Client, argv: tuple[str, ...], kind: str, fields: dict[str, object]
) -> None:
    client.run(*argv)
    assert client.until(kind).fields == fields


def test_files_are_copied_for_the_guest_and_removed(client: Client, tmp_path: Path) -> None:
    source, copy = tmp_path / "master", tmp_path / "copy"
    source.write_bytes(b"content")
    client.run(*FAKE, "answer", files=[[str(source), str(copy), DIGEST]])
    client.until("serial")
    assert copy.read_bytes() == b"content"
    copy.write_bytes(b"changed")
    client.send(cmd="stop")
    client.until("exit")
    assert not copy.exists()
    assert source.read_bytes() == b"content"


def test_a_file_that_cannot_be_copied_breaks_the_lane(client: Client, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    client.run(*FAKE, "talk", files=[[str(tmp_path / "missing"), str(copy), DIGEST]])
    broken = client.until("broken")
    assert "No such file or directory" in broken.fields["message"] and "unreadable" not in broken.fields
    source = tmp_path / "master"
    source.write_bytes(b"other content")
    client.run(*FAKE, "talk", files=[[str(source), str(copy), DIGEST]])
    broken = client.until("broken")
    assert "changed while it was used" in broken.fields["message"] and "unreadable" not in broken.fields
    assert not copy.exists()
    client.run(*FAKE, "talk")
    assert client.until("exit").fields["status"] == 0


def test_the_end_of_its_client_ends_everything(client: Client) -> None:
    client.run(*FAKE, "work")
    pid = client.until("started").fields["pid"]
    client.until("serial")
    assert client.process.stdin is not None
    client.process.stdin.close()
    assert client.process.wait(5) == 0
    deadline = time.monotonic() + 5
    while running(pid):
        assert time.monotonic() < deadline, "the emulator outlived its client"
        time.sleep(0.02)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_copies_keep_their_holes(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    mib = 1024 * 1024
    with source.open("wb") as file:
        file.write(b"begin")
        file.seek(8 * mib)
        file.write(b"middle")
        file.truncate(32 * mib)
    assert streams.copy_sparse(str(source), str(copy)) == hashlib.sha256(source.read_bytes()).hexdigest()
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_blocks * 512 < mib
    source.write_bytes(b"")
    assert streams.copy_sparse(str(source), str(copy)) == hashlib.sha256().hexdigest()
    assert copy.read_bytes() == b""


def test_what_was_changed_or_is_no_file_is_not_copied_for_a_guest(tmp_path: Path) -> None:
    source, copy, fifo, link = (tmp_path / name for name in ("source", "copy", "fifo", "link"))
    source.write_bytes(b"kernel")
    digest = hashlib.sha256(b"kernel").hexdigest()
    streams.copy_verified(str(source), str(copy), digest)
    source.write_bytes(b"Kernel")
    with pytest.raises(OSError, match="changed while it was used"):
        streams.copy_verified(str(source), str(copy), digest)
    os.mkfifo(fifo)
    link.symlink_to(source)
    for place in (fifo, link, tmp_path / "absent", tmp_path):
        with pytest.raises(OSError) as raised:
            streams.copy_verified(str(place), str(copy), digest)
        assert raised.value.filename == str(place)


def test_the_last_shared_copies_stay(tmp_path: Path) -> None:
    shared = streams.Shared()

    def use(name: str) -> list[str]:
        source = tmp_path / f"source-{name}"
        source.write_text(name)
        shared.add(str(source), str(tmp_path / f"copy-{name}"), hashlib.sha256(name.encode()).hexdigest())
        return sorted(each.name.removeprefix("copy-") for each in tmp_path.glob("copy-*"))

    assert [use(name) for name in "abacab"] == [
        ["a"],
        ["a", "b"],
        ["a", "b"],
        ["a", "c"],
        ["a", "c"],
        ["a", "b"],
    ]


def test_what_runs_in_a_lane_stands_alone() -> None:
    for name in INSIDE:
        source = Path(streams.__file__).with_name(f"{name.rpartition('.')[2]}.py").read_text()
        imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        names = {line.split()[1] for line in imports}
        assert {module.partition(".")[0] for module in names - set(INSIDE)} <= sys.stdlib_module_names
