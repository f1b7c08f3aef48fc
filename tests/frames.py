"""What a kernel writes to its result channel, and what a supervisor reports, for tests."""

import struct
from collections.abc import Iterable

from parity.channel import encode
from parity.lane import Message


def hello(version: int = 1, arch: int = 1, cpus: int = 1, features: str = "testing") -> bytes:
    return encode(1, struct.pack("<HBxHxx", version, arch, cpus) + features.encode())


def stage(name: str) -> bytes:
    return encode(2, name.encode())


def start(pid: int, ppid: int, program: bytes) -> bytes:
    return encode(3, struct.pack("<II", pid, ppid) + program)


def end(pid: int, ppid: int, status: int, program: bytes, survivor: bool = False) -> bytes:
    return encode(4, struct.pack("<IIiB", pid, ppid, status, survivor) + program)


def plan(count: int) -> bytes:
    return encode(5, struct.pack("<I", count))


def test_start(name: str) -> bytes:
    return encode(6, name.encode())


def test_end(name: str, status: int = 0, message: str = "") -> bytes:
    return encode(7, struct.pack("<BH", status, len(name)) + name.encode() + message.encode())


def panic(message: str) -> bytes:
    return encode(8, struct.pack("<HH", 0, 0) + message.encode())


def exec_failure(errno: int, program: bytes) -> bytes:
    return encode(10, struct.pack("<I", errno) + program)


def shutdown(reason: int = 0) -> bytes:
    return encode(9, bytes([reason]))


def good_run(program: bytes = b"/bin/fork_test", status: int = 0) -> bytes:
    """The records of a guest whose PID 1 ends with `status` in good order."""
    return hello() + stage("init") + start(1, 0, program) + end(1, 0, status << 8, program) + shutdown()


def messages(channel: bytes = b"", serial: bytes = b"", tail: Iterable[Message] = ()) -> list[Message]:
    """A guest that writes this and powers off; `tail` instead of its power-off and the emulator's exit."""
    head = [
        Message("started", 0.001, fields={"pid": 7}),
        Message("qmp", 0.02, fields={"message": {"QMP": {"version": {"qemu": {"major": 10, "minor": 0}}}}}),
        event(0.03, "RESUME"),
    ]
    if channel:
        head.append(Message("channel", 0.1, channel))
    if serial:
        head.append(Message("serial", 0.11, serial))
    return [*head, *(tail or power_off(0.2))]


def event(t: float, name: str, **data: object) -> Message:
    return Message("qmp", t, fields={"message": {"event": name, "data": data}})


def power_off(t: float) -> list[Message]:
    return [event(t, "SHUTDOWN", guest=True, reason="guest-shutdown"), exited(t + 0.01)]


def exited(t: float, status: int | None = 0, signal: int | None = None, asked: bool = False) -> Message:
    ended = {"signal": signal} if signal else {"status": status}
    return Message("exit", t, fields={"asked": asked, **ended})


def sample(
    t: float, cpu_s: float, run_delay_s: float, serial_bytes: int = 0, channel_bytes: int = 0
) -> Message:
    vcpu = {"thread": "CPU 0/TCG", "cpu_s": cpu_s, "run_delay_s": run_delay_s}
    counts = {"serial_bytes": serial_bytes, "channel_bytes": channel_bytes}
    return Message("sample", t, fields={"vcpus": [vcpu], **counts})
