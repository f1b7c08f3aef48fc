"""The supervisor in a lane: starts emulators one after another and reports all their output and events.

The client sends this file, ending.py and streams.py on standard input when the lane starts (see LOADER in
lane.py), so they use only the standard library. Then it writes commands, one JSON object per line:

    {"cmd": "run", "argv": [...], "files": [[source, copy, sha256], ...], "shared": [the same],
     "fds": {"serial": 10, ...}, "hold": false, "paused": false, "release_on": [base64]}
    {"cmd": "qmp", "id": 7, "execute": "...", "arguments": {...}}   answered by a `reply`
    {"cmd": "memory", "execute": "pmemsave", "arguments": {...}}    answered by a `memory`, or by a `reply`
                                                                    with id "memory": the emulator refuses
    {"cmd": "write", "to": "serial", "data": base64}                bytes into one of `fds`
    {"cmd": "hold"}, {"cmd": "release", "more_time": false}         answered by a `hold`, `on` true or false
    {"cmd": "stop"}                                                 ends the guest now (SIGKILL)

and reads frames: a JSON header on one line, {"type": ..., "t": seconds since its start, "n": bytes},
then n bytes. Types: started, serial, channel, stderr and every other name in `fds`, qmp (an event or the
greeting), reply, memory, hold, sample, dropped, failed (the emulator could not be started), broken (the lane
failed; `unreadable` if permission is missing), exit. `exit`, `failed` and `broken` end a guest. `files` are
private copies, removed when the guest has ended; `shared` copies stay for the next guests (see streams.py). A
copy with a wrong digest is not used. An `exit` is `asked` after a `stop`, and `overdue` if the emulator
did not exit after its guest's end and was killed.

The guest's end (QMP event SHUTDOWN; the machine is paused then) is answered with one `quit`, unless the guest
is held: then a `hold` is reported, the client examines the ended machine, and `release` is answered with the
`quit`. A guest that has sent one of the `release_on` on its channel is no longer held. See ending.py.
When standard input ends, the client has died: the supervisor kills the emulator and ends the lane.
"""

import base64
import contextlib
import errno
import json
import os
import re
import selectors
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from parity.guest.ending import Ending, Phase
from parity.guest.streams import Output, Shared, Stream, copy_verified, spawn

SAMPLE_S = 1.0
STOPPED = "T"  # the state of a stopped process in /proc/PID/stat
GATHER_S = 0.002  # a serial port writes single bytes; waking for each would take CPU time from the guest
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
OWN_ID = "parity"  # id of the supervisor's own QMP commands; their answers are not reported
MEMORY_ID = "memory"  # id of QMP commands that write memory to a file
KNOWN = ("serial", "channel", "qmp", "stderr")
VCPU_THREAD = re.compile(r"(CPU \d+|ALL CPUs)/")


class Guest:
    """One emulator process and its descriptors."""

    def __init__(
        self, argv: list[str], fds: dict[str, int], files: list[str], hold: bool, paused: bool
    ) -> None:
        self.files, self.ending = files, Ending(held=hold)
        self.asked = False
        self.start = time.monotonic()
        self.pid, ends = spawn(argv, {**fds, "stderr": 2})
        self.pidfd = os.pidfd_open(self.pid)
        self.by_name = {name: Stream(name, end) for name, end in ends.items()}
        self.serial, self.channel = self.by_name["serial"], self.by_name["channel"]
        self.qmp, self.errors = self.by_name["qmp"], self.by_name["stderr"]
        self.others = [stream for name, stream in self.by_name.items() if name not in KNOWN]
        self.release_on: list[bytes] = []  # channel bytes after which the guest is no longer held
        self._channel_end = b""  # the last bytes of the channel
        self.memory_file = ""  # the file of the last memory request
        self._qmp_text = b""
        # The emulator waits (-S) until QMP events are enabled: a short guest must not lose its events.
        self.qmp_send({"execute": "qmp_capabilities", "id": OWN_ID})
        if not paused:
            self.qmp_send({"execute": "cont", "id": OWN_ID})

    def scan_channel(self, data: bytes) -> None:
        """Releases the guest if the channel contains one of `release_on`."""
        self._channel_end += data
        if any(text in self._channel_end for text in self.release_on):
            self.ending.held, self.release_on = False, []
        self._channel_end = self._channel_end[-max(map(len, self.release_on), default=1) :]

    @property
    def streams(self) -> tuple[Stream, ...]:
        return (self.serial, self.channel, self.qmp, self.errors, *self.others)

    def qmp_send(self, command: dict[str, Any]) -> None:
        """Sends one QMP command. Errors are ignored, because the exit of the emulator will follow."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            os.write(self.qmp.descriptor, json.dumps(command).encode() + b"\n")

    def qmp_messages(self) -> list[dict[str, Any]]:
        """The QMP messages that are now complete."""
        *lines, self._qmp_text = (self._qmp_text + self.qmp.read()).split(b"\n")
        return [json.loads(line) for line in lines if line.strip()]

    def advance_ending(self, now: float) -> None:
        """Sends the emulator the action that is due at its end."""
        due = self.ending.due(now)
        if due == "quit":
            self.qmp_send({"execute": "quit", "id": OWN_ID})
        elif due == "kill":
            self.kill()

    def kill(self) -> None:
        """Kills the emulator. It is not reaped yet, so its pid is still valid."""
        os.kill(self.pid, signal.SIGKILL)

    def sample(self) -> dict[str, object]:
        """CPU time and run delay of each vCPU thread, total bytes, and whether a signal has stopped the
        emulator.

        Raises OSError if the process has ended.
        """
        vcpus = []
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            name = (thread / "comm").read_text().strip()
            if VCPU_THREAD.match(name):
                cpu_ns, delay_ns, _ = map(int, (thread / "schedstat").read_text().split())
                vcpus.append({"thread": name, "cpu_s": cpu_ns / 1e9, "run_delay_s": delay_ns / 1e9})
        # The state follows the name in parentheses, which may contain any characters.
        state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][0]
        total = {"serial_bytes": self.serial.total, "channel_bytes": self.channel.total}
        return {"vcpus": vcpus, **total, "stopped": state == STOPPED}

    def close(self) -> None:
        """Closes the descriptors and removes the files."""
        for descriptor in (self.pidfd, *(stream.descriptor for stream in self.streams)):
            os.close(descriptor)
        for file in self.files:
            Path(file).unlink()


class Supervisor:
    """The event loop of the lane."""

    def __init__(self, commands: int, output: int) -> None:
        os.set_blocking(commands, False)
        self._commands, self._command_text = commands, b""
        self._output = Output(output)
        self._all, self._urgent = selectors.DefaultSelector(), selectors.DefaultSelector()
        self._gather_until = 0.0  # until then, only urgent descriptors are polled
        self._watch(commands, self._on_commands)
        self._guest: Guest | None = None
        self._shared = Shared()
        self._next_sample = 0.0

    def run(self) -> NoReturn:
        """Serves the client until it ends."""
        while True:
            now = time.monotonic()
            gathering = now < self._gather_until
            deadlines = [self._output.flush_at, self._next_sample if self._guest else None]
            times = [at for at in (*deadlines, self._gather_until if gathering else None) if at is not None]
            timeout = max(0.0, min(times) - now) if times else None
            ready = (self._urgent if gathering else self._all).select(timeout)
            for callback in dict.fromkeys(key.data for key, _ in ready):
                callback()
            now = time.monotonic()
            if self._guest:
                self._guest.advance_ending(now)
            if self._guest and now >= self._next_sample:
                self._sample(self._guest)
            if self._output.flush_at is not None and now >= self._output.flush_at:
                self._flush()

    def _flush(self) -> None:
        try:
            done = self._output.flush()
        except BrokenPipeError:
            self._end()
        waiting = self._output.descriptor in self._all.get_map()
        if done and waiting:
            self._forget(self._output.descriptor)
        elif not done and not waiting:
            self._watch(self._output.descriptor, self._flush, WRITE)

    def _watch(self, fd: int, callback: Callable[[], None], events: int = READ, urgent: bool = True) -> None:
        self._all.register(fd, events, callback)
        if urgent:
            self._urgent.register(fd, events, callback)

    def _forget(self, descriptor: int) -> None:
        for selector in (self._all, self._urgent):
            if descriptor in selector.get_map():
                selector.unregister(descriptor)

    def _end(self) -> NoReturn:
        if self._guest:
            self._guest.kill()
        os._exit(0)

    def _on_commands(self) -> None:
        data = os.read(self._commands, 65536)
        if not data:
            self._end()
        *lines, self._command_text = (self._command_text + data).split(b"\n")
        for line in lines:
            self._command(json.loads(line))

    def _command(self, command: dict[str, Any]) -> None:
        guest = self._guest
        if command["cmd"] == "run":
            self._start(command)
        elif command["cmd"] == "stop" and guest:
            guest.asked = True
            guest.kill()
        elif command["cmd"] == "qmp" and guest:
            if command["execute"] == "quit":
                guest.ending.leave(time.monotonic())
            guest.qmp_send({key: value for key, value in command.items() if key != "cmd"})
        elif command["cmd"] == "memory" and guest:
            guest.memory_file = command["arguments"]["filename"]
            guest.qmp_send(
                {"execute": command["execute"], "arguments": command["arguments"], "id": MEMORY_ID}
            )
        elif command["cmd"] == "write" and guest:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                os.write(guest.by_name[command["to"]].descriptor, base64.b64decode(command["data"]))
        elif command["cmd"] in ("hold", "release") and guest:
            guest.ending.held = command["cmd"] == "hold"
            more = {"more_time": True} if command.get("more_time") else {}
            self._report("hold", {"on": guest.ending.held, **more})
            self._flush()

    def _start(self, command: dict[str, Any]) -> None:
        copies: list[str] = []
        if not Path("/proc/self/schedstat").exists():
            self._refuse("broken", "this host's kernel has no /proc/PID/schedstat", copies)
            return
        try:
            for source, target, digest in command["shared"]:
                self._shared.add(source, target, digest)
            for source, target, digest in command["files"]:
                copies.append(target)
                copy_verified(source, target, digest)
        except OSError as error:
            unreadable = {"unreadable": True} if isinstance(error, PermissionError) else {}
            self._refuse(
                "broken", f"cannot copy {source} to {target}: {error.strerror}", copies, **unreadable
            )
            return
        try:
            hold, paused = command.get("hold", False), command.get("paused", False)
            guest = Guest(command["argv"], command["fds"], copies, hold, paused)
        except OSError as error:
            self._refuse("failed", f"{command['argv'][0]}: {error.strerror}", copies)
            return
        guest.release_on = [base64.b64decode(words) for words in command.get("release_on", ())]
        self._guest = guest
        self._next_sample = guest.start + SAMPLE_S
        self._report("started", {"pid": guest.pid})
        for stream in guest.streams:
            self._watch(stream.descriptor, self._on_guest, urgent=stream not in (guest.serial, guest.channel))
        self._watch(guest.pidfd, self._on_exit)

    def _refuse(self, kind: str, message: str, copies: list[str], **more: object) -> None:
        for file in copies:
            Path(file).unlink(missing_ok=True)
        self._output.frame(kind, 0.0, {"message": message, **more})
        self._flush()

    def _report(self, kind: str, content: bytes | dict[str, object]) -> None:
        assert self._guest is not None
        self._output.frame(kind, time.monotonic() - self._guest.start, content)

    def _on_guest(self) -> None:
        guest = self._guest
        if guest is None:
            return
        # A cause must be reported before its effect. The machine's end is reported last. The console is read
        # before the channel, so that a record written before a console text is also reported before it.
        messages = guest.qmp_messages()
        serial, channel, errors = guest.serial.read(), guest.channel.read(), guest.errors.read()
        guest.scan_channel(channel)
        others = [(stream, stream.read()) for stream in guest.others]
        for stream, data in (
            (guest.channel, channel),
            (guest.serial, serial),
            (guest.errors, errors),
            *others,
        ):
            if to_report := stream.keep(data):
                self._report(stream.kind, to_report)
        for message in messages:
            self._on_qmp(guest, message)
        for stream in guest.streams:
            if stream.ended:
                self._forget(stream.descriptor)
        self._gather_until = time.monotonic() + GATHER_S

    def _on_qmp(self, guest: Guest, message: dict[str, Any]) -> None:
        if "event" not in message and "QMP" not in message:
            if message.get("id") == MEMORY_ID and "return" in message:
                self._report("memory", Path(guest.memory_file).read_bytes())
                Path(guest.memory_file).unlink()
            elif message.get("id") != OWN_ID:
                self._report("reply", {"reply": message})
            self._flush()
            return
        self._report("qmp", {"message": message})
        if message.get("event") == "SHUTDOWN":
            guest.ending.shut_down(time.monotonic(), by_guest=message["data"].get("guest") is True)
            if guest.ending.held:
                self._report("hold", {"on": True})

    def _on_exit(self) -> None:
        guest = self._guest
        if guest is None:
            return
        while not all(stream.ended for stream in guest.streams):
            self._on_guest()
        _, status = os.waitpid(guest.pid, 0)
        for stream in (guest.serial, guest.channel, guest.errors):
            if stream.dropped:
                self._report("dropped", {"stream": stream.kind, "count": stream.dropped})
        code = os.waitstatus_to_exitcode(status)
        overdue = {"overdue": True} if guest.ending.phase is Phase.OVERDUE else {}
        ended = {"status": code} if code >= 0 else {"signal": -code}
        self._report("exit", {"asked": guest.asked, **overdue, **ended})
        self._forget(guest.pidfd)
        guest.close()  # before the client receives the exit and sends the next guest
        self._guest = None
        self._flush()

    def _sample(self, guest: Guest) -> None:
        self._next_sample += SAMPLE_S
        try:
            self._report("sample", guest.sample())
        except OSError as error:  # a thread or the emulator ended between two reads; its exit will follow
            if error.errno not in (errno.ENOENT, errno.ESRCH):
                raise
        self._flush()


def main() -> NoReturn:
    """Serves commands from standard input, and reports on standard output."""
    supervisor = Supervisor(0, 1)
    # PID 1 of a container ignores SIGTERM by default.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    supervisor.run()


if __name__ == "__main__":
    main()
