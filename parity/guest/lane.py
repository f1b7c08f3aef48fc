"""Lanes: they run guests one after another, or play back recordings.

A lane takes a run spec and yields the supervisor's messages in order until the guest has ended. The messages
are neither decoded nor judged. A recording is these messages as JSON lines, so both kinds of lane yield the
same.
"""

import base64
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self

from parity.core.errors import InfraError, MachineError, ParityError
from parity.docker.engine import Attached, Engine, Limits, Mount
from parity.guest.message import FrameReader as FrameReader
from parity.guest.message import Message as Message
from parity.guest.streams import KEPT
from parity.spec.machine import CHANNEL_FD, CONSOLE_FD, QMP_FD, GuestPaths, RunSpec, qemu_argv
from parity.store.store import Digest, Store

STORE, SCRATCH = "/store", "/lane"  # inside a lane
FINAL_KINDS = frozenset({"exit", "failed", "broken"})
ANSWER_S = 5.0  # deadline for an answer of the emulator
HEARTBEAT_S = 30.0  # a running guest sends a sample per second; after this long without one, the lane is dead
MIB = 2**20
EMULATOR_MIB = 512  # memory of an emulator in addition to its guest's memory
QUEUED = 256  # messages between reader and judge: a slow judge blocks the lane instead of filling memory
UNPRIVILEGED = 65534

# The modules that run inside a lane, in the order of their imports; the last one has `main`.
INSIDE = ("parity.guest.streams", "parity.guest.ending", "parity.guest.supervisor")

# Standard input starts with a length (4 bytes, big endian) and the sources of these modules as JSON. It is
# read with os.read, because a buffered reader would also consume the commands that follow.
LOADER = """
import json, os, sys, types
def take(n):
    data = b""
    while len(data) < n:
        data += os.read(0, n - len(data)) or os._exit(0)
    return data
for name, source in json.loads(take(int.from_bytes(take(4), "big"))):
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""


@cache
def supervisor_code() -> bytes:
    """The input of LOADER. Constant in a process, because it is part of the keys of verdicts."""
    folder = Path(__file__).parent
    sources = [(name, folder.joinpath(f"{name.rpartition('.')[2]}.py").read_text("utf-8")) for name in INSIDE]
    data = json.dumps(sources).encode()
    return len(data).to_bytes(4, "big") + data


class LaneError(InfraError):
    """The lane failed, not its guest. The guest has no result and may run again in another lane."""


class NoAnswerError(InfraError):
    """The emulator runs but does not answer."""


@dataclass(frozen=True)
class Extra:
    """An additional descriptor of the emulator, and the arguments that make QEMU use it."""

    descriptor: int
    arguments: tuple[str, ...]


class Lane(Protocol):
    """Runs one guest at a time. After a LaneError, only `close` may be called."""

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """The messages of one guest; the last has one of FINAL_KINDS. Raises LaneError."""

    def stop(self) -> None:
        """Ends the running guest; `run` still yields its remaining messages."""

    def close(self) -> None:
        """Ends the lane and its guest, from any thread; a `run` in another thread then raises LaneError."""


@dataclass(frozen=True)
class LaneSize:
    """The largest guest a lane must hold; `disk_mib` is the size of its copies of files, of all kinds."""

    vcpus: int
    memory_mib: int
    disk_mib: int

    @classmethod
    def of(cls, specs: Sequence[RunSpec], store: Store) -> Self:
        """The size for these specs (at least one), whose files are in the store."""
        machines = [spec.machine for spec in specs]

        def sizes(some: Iterable[Digest]) -> list[int]:
            return sorted((store.local(each).stat().st_size for each in set(some)), reverse=True)

        size = sum(sizes(spec.disk for spec in specs if spec.disk)[:1])
        size += sum(sizes(shared for spec in specs for shared in _shared(spec))[:KEPT])
        return cls(max(m.vcpus for m in machines), max(m.memory_mib for m in machines), -(-size // MIB))

    def limits(self) -> Limits:
        """The container's limits. The CPU quota stops runaway processes; a lower one would stall guests."""
        memory = self.memory_mib + self.disk_mib + EMULATOR_MIB
        return Limits(memory_mib=memory, pids=64 + self.vcpus, cpus=self.vcpus + 1)


class DockerLane:
    """A long-lived container with a supervisor; `id` is the container's."""

    def __init__(self, attached: Attached, store: Store) -> None:
        self.id = attached.id
        self._attached, self._store = attached, store
        self._messages: queue.Queue[Message | None] = queue.Queue(QUEUED)
        self._pending: list[Message] = []  # arrived during the wait for a reply
        self._stderr = bytearray()  # the last bytes
        self._failure: str | None = None
        self._commands = 0
        threading.Thread(target=self._read, daemon=True, name=f"lane-{self.id[:12]}").start()

    @classmethod
    def open(cls, engine: Engine, image: str, store: Store, size: LaneSize) -> Self:
        """Starts a lane. Raises MachineError if Docker refuses, InfraError if the container ends."""
        attached = engine.start_attached(
            image,
            ["python3", "-I", "-c", LOADER],
            role="lane",
            limits=size.limits(),
            mounts=[Mount(_blobs(store), STORE)],
            tmpfs_mib={SCRATCH: size.disk_mib + 1},
            user=_user(engine),
        )
        try:
            attached.write(supervisor_code())
        except BaseException:
            attached.close(grace_s=0)
            raise
        return cls(attached, store)

    def run(
        self,
        spec: RunSpec,
        hold: bool = False,
        paused: bool = False,
        extra: Mapping[str, Extra] = MappingProxyType({}),
        release_on: Sequence[bytes] = (),
    ) -> Iterator[Message]:
        """See Lane. `hold`: the machine stays paused at its end until `release`. `paused`: the caller starts
        the machine. `release_on`: a guest that sends one of these on its channel is no longer held. `extra`:
        message kind → additional descriptor of the emulator whose bytes become messages of this kind.

        Raises:
            LaneError: as Lane.
            MachineError: the lane has no permission to read the store.
        """
        disk = f"{SCRATCH}/disk.img" if spec.disk else None
        firmware = _copy(spec.firmware) if spec.firmware else None
        argv = qemu_argv(spec, GuestPaths(_copy(spec.kernel), disk, firmware))
        self._send(
            cmd="run",
            argv=[*argv, *(word for more in extra.values() for word in more.arguments)],
            files=[[self._inside(spec.disk), disk, spec.disk]] if spec.disk else [],
            shared=[[self._inside(each), _copy(each), each] for each in _shared(spec)],
            fds={"serial": CONSOLE_FD, "channel": CHANNEL_FD, "qmp": QMP_FD}
            | {name: more.descriptor for name, more in extra.items()},
            hold=hold,
            paused=paused,
            release_on=[base64.b64encode(words).decode() for words in release_on],
        )
        while True:
            message = self._pending.pop(0) if self._pending else self._next()
            if message.kind == "broken" and message.fields.get("unreadable"):
                hint = "Check that other users and containers (SELinux, AppArmor) have permission to read it."
                raise MachineError(
                    f"guests cannot read {self._store.root}: {message.fields['message']}", hint
                )
            if message.kind == "broken":
                raise LaneError(f"the lane could not start a guest: {message.fields['message']}")
            yield message
            if message.kind in FINAL_KINDS:
                return

    def stop(self) -> None:
        """See Lane."""
        self._send(cmd="stop")

    def hold(self) -> None:
        """Stops the verdict's clock until `release`; a machine that ends meanwhile stays paused."""
        self._send(cmd="hold")

    def release(self, *, extend_deadline: bool = False) -> None:
        """Ends `hold`; the emulator of an ended machine exits. `extend_deadline`: a hung guest continues."""
        self._send(cmd="release", more_time=extend_deadline)

    def write(self, to: str, data: bytes) -> None:
        """Writes bytes to one of the guest's descriptors, such as "serial"."""
        self._send(cmd="write", to=to, data=base64.b64encode(data).decode())

    def qmp(self, execute: str, **arguments: object) -> Mapping[str, Any]:
        """Executes a QMP command while a guest runs; returns the answer. Other messages stay for `run`.

        Raises NoAnswerError after ANSWER_S seconds.
        """
        self._commands += 1
        number = self._commands
        self._send(cmd="qmp", id=number, execute=execute, arguments=arguments)
        answer = self.wait(
            lambda message: message.fields.get("reply", {}).get("id") == number, execute, ANSWER_S
        )
        reply: Mapping[str, Any] = answer.fields["reply"]
        return reply

    def memory(self, execute: str, address: int, size: int, **arguments: object) -> bytes:
        """The guest's memory, by QMP's `pmemsave` or `memsave`. Raises InfraError if it cannot be read."""
        file = {"val": address, "size": size, "filename": f"{SCRATCH}/memory", **arguments}
        self._send(cmd="memory", execute=execute, arguments=file)
        answer = self.wait(
            lambda message: message.kind == "memory" or message.fields.get("reply", {}).get("id") == "memory",
            execute,
            ANSWER_S,
        )
        if answer.kind == "reply":
            error = answer.fields["reply"].get("error", {"desc": "no reason"})
            raise InfraError(f"the emulator gives no memory at {address:#x}: {error['desc']}")
        return answer.data

    def wait(
        self, matches: Callable[[Message], bool], purpose: str, patience_s: float = float("inf")
    ) -> Message:
        """The first message that matches, while a guest runs. Earlier messages stay for `run`.

        Raises NoAnswerError if the lane lives but sends no such message within `patience_s` seconds.
        """
        deadline = time.monotonic() + patience_s
        while True:
            message = self._next()
            if time.monotonic() > deadline and not matches(message):
                self._pending.append(message)
                raise NoAnswerError(f"no answer to {purpose} within {patience_s:g} s")
            if matches(message):
                return message
            self._pending.append(message)
            if message.kind in FINAL_KINDS:
                raise LaneError(f"the emulator ended before it answered {purpose}")

    def close(self) -> None:
        """See Lane."""
        self._failure = self._failure or "it was closed"
        self._attached.close(grace_s=1.0)
        # The reader may be blocked by a full queue.
        while self._messages.get() is not None:
            pass
        self._messages.put(None)

    def _send(self, **command: object) -> None:
        try:
            self._attached.write(json.dumps(command).encode() + b"\n")
        except ParityError as error:
            raise self._error(str(error)) from error

    def _next(self) -> Message:
        try:
            message = self._messages.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            raise self._error(f"no message for {HEARTBEAT_S:g} s") from None
        if message is None:
            self._messages.put(None)
            raise self._error(self._failure or "its container ended")
        return message

    def _error(self, cause: str) -> LaneError:
        output = self._stderr.decode(errors="replace").strip()
        return LaneError(f"a lane failed: {cause}", output or None)

    def _read(self) -> None:
        reader = FrameReader()
        try:
            for stream, piece in self._attached.frames():
                if stream == "stderr":
                    self._stderr = (self._stderr + piece)[-4000:]
                    continue
                for message in reader.feed(piece):
                    self._messages.put(message)
        except ParityError as error:
            self._failure = self._failure or str(error)
        except ValueError as error:
            self._failure = self._failure or f"it sent an invalid message: {error}"
        finally:
            self._messages.put(None)

    def _inside(self, digest: Digest) -> str:
        return f"{STORE}/{self._store.local(digest).relative_to(_blobs(self._store)).as_posix()}"


class ReplayLane:
    """Plays recordings: test name → messages of its guest. It starts nothing."""

    def __init__(self, recordings: Mapping[str, Sequence[Message]]) -> None:
        self._recordings = recordings

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """See Lane. Raises LaneError if the test has no recording, or a truncated one."""
        messages = self._recordings.get(spec.test)
        if messages is None:
            raise LaneError(f"there is no recording of {spec.test}")
        yield from messages
        if not messages or messages[-1].kind not in FINAL_KINDS:
            raise LaneError(f"the recording of {spec.test} is truncated")

    def stop(self) -> None:
        """Does nothing: the recording continues."""

    def close(self) -> None:
        """Does nothing."""


def _blobs(store: Store) -> Path:
    return store.root / "blobs"


def _shared(spec: RunSpec) -> list[Digest]:
    """The files that the emulator only reads, and that many guests share."""
    kernel = [spec.kernel] if any("{kernel}" in word for word in spec.machine.load) else []
    return [*kernel, *([spec.firmware] if spec.firmware else [])]


def _copy(digest: Digest) -> str:
    """The path of a shared file in a lane: a verified copy, because other programs can write to the store."""
    return f"{SCRATCH}/{digest}"


def _user(engine: Engine) -> str:
    """The caller's user, who can read the store. Never root: for root, or with a rootless daemon (which maps
    the caller to root), the unprivileged user 65534."""
    if os.getuid() == 0 or engine.rootless():
        return f"{UNPRIVILEGED}:{UNPRIVILEGED}"
    return f"{os.getuid()}:{os.getgid()}"
