"""Plays an emulator for the supervisor: the descriptors of a real one, and a little of its QMP.

`fake_emulator.py SCENARIO`, with the console at descriptor 10, the channel at 11 and QMP at 12.
"""

import json
import os
import select
import sys
import time
from typing import Any

CONSOLE, CHANNEL, QMP = 10, 11, 12


def say(message: dict[str, Any]) -> None:
    os.write(QMP, json.dumps(message).encode() + b"\n")


def commands() -> Any:
    with os.fdopen(QMP, "rb", buffering=0, closefd=False) as lines:
        for line in lines:
            yield json.loads(line)


def start() -> Any:
    """Greet, and answer until the guest may run; the commands that follow."""
    say({"QMP": {"version": {"qemu": {"major": 10, "minor": 0}}}})
    following = commands()
    for command in following:
        say({"return": {}, "id": command["id"]})
        if command["execute"] == "cont":
            say({"event": "RESUME"})
            return following
    raise SystemExit(3)


def end_in_order(following: Any) -> None:
    say({"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-shutdown"}})
    for command in following:
        if command["execute"] == "quit":
            raise SystemExit(0)


def no_command(seconds: float) -> None:
    """Dies, as QEMU may, of a command that comes while it leaves."""
    if select.select([QMP], [], [], seconds)[0]:
        os.abort()


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def main(scenario: str) -> None:
    following = start()
    if scenario == "talk":
        write_all(CHANNEL, b"first")
        for byte in b"hello\n":
            os.write(CONSOLE, bytes([byte]))
        os.write(2, b"a warning\n")
        end_in_order(following)
    elif scenario == "flood":
        for _ in range(40):
            write_all(CONSOLE, b"x" * 1024 * 1024)
        write_all(CHANNEL, b"y" * 17 * 1024 * 1024)
        end_in_order(following)
    elif scenario == "work":
        with open("/proc/self/comm", "w") as comm:  # noqa: PTH123
            comm.write("CPU 0/TCG")
        os.write(CONSOLE, b"working")
        while True:
            time.sleep(0.001)
    elif scenario == "answer":
        os.write(CONSOLE, b"ready")
        for command in following:
            say({"event": "NOISE", "data": {}})
            say({"return": {"got": command}, "id": command["id"]})
    elif scenario == "echo":
        os.write(CONSOLE, b"ready")
        while typed := os.read(CONSOLE, 100):
            os.write(CONSOLE, typed)
    elif scenario == "memory":
        os.write(CONSOLE, b"ready")
        for command in following:
            arguments = command["arguments"]
            if not arguments["size"]:
                say({"error": {"class": "GenericError", "desc": "nothing there"}, "id": command["id"]})
                continue
            with open(arguments["filename"], "w") as file:  # noqa: PTH123
                file.write(f"MEM{arguments['size']}")
            say({"return": {}, "id": command["id"]})
    elif scenario == "does not leave":
        say({"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-shutdown"}})
        for _ in following:
            pass
    elif scenario == "leaves slowly":
        say({"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-shutdown"}})
        assert next(following)["execute"] == "quit"
        no_command(1.5)  # longer than the supervisor's time between two samples
        say({"event": "SHUTDOWN", "data": {"guest": False, "reason": "host-qmp-quit"}})
        no_command(1.5)
    elif scenario == "leaves by itself":
        say({"event": "SHUTDOWN", "data": {"guest": False, "reason": "host-signal"}})
        no_command(1.5)
    elif scenario == "abort":
        os.abort()


if __name__ == "__main__":
    main(sys.argv[1])
