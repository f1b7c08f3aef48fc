"""The result channel: bytes of the guest's second serial port, decoded into records.

A frame is `PR`, type u8, flags u8 = 0, length u16, payload of at most 2048 bytes, and a CRC-32 over type,
flags, length and payload; all little endian. User programs cannot reach the port, so a valid frame comes
from the kernel. Names inside frames are chosen by users and are treated as data.

Types and payloads are listed in `kernel/abi/src/record.rs`. The hello says their version: 2 added
ExecFailure and the shutdown reason 2 to those of version 1.

Each contiguous run of bytes that are no valid frame becomes one ChannelError. Decoding continues at the next
valid frame.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

MAGIC = b"PR"
HEADER = struct.Struct("<2sBBH")
CRC = struct.Struct("<I")
SHUTDOWN = 9  # the type of a Shutdown record
MAX_PAYLOAD = 2048
ARCHITECTURES = {1: "aarch64", 2: "x86_64"}


@dataclass(frozen=True, slots=True)
class Hello:
    """The kernel runs. `version` is that of this protocol."""

    version: int
    arch: str
    cpus: int
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A boot stage was reached."""

    name: str


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """A process exists; `program` is user data."""

    pid: int
    ppid: int
    program: str


@dataclass(frozen=True, slots=True)
class ProcessEnd:
    """A process ended, with a wait status (Linux encoding). `survivor`: the kernel killed it at shutdown."""

    pid: int
    ppid: int
    status: int
    survivor: bool
    program: str


@dataclass(frozen=True, slots=True)
class ExecFailure:
    """PID 1 could not start because its program cannot be loaded. `errno` is Linux's number."""

    errno: int
    program: str


@dataclass(frozen=True, slots=True)
class Plan:
    """An in-kernel run announces the number of tests that will follow."""

    count: int


@dataclass(frozen=True, slots=True)
class TestStart:
    """An in-kernel test begins."""

    __test__ = False  # not a pytest class
    name: str


@dataclass(frozen=True, slots=True)
class TestEnd:
    """An in-kernel test ended: status 0 ok, 1 failed, 2 skipped."""

    __test__ = False
    name: str
    status: int
    message: str


@dataclass(frozen=True, slots=True)
class Panic:
    """The kernel panicked; `message` is "file:line:column: text"."""

    cpu: int
    message: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The last record before power-off: reason 0 = PID 1 ended, 1 = in-kernel run finished, 2 = no PID 1."""

    reason: int


@dataclass(frozen=True, slots=True)
class ChannelError:
    """Bytes that are no record: their number (`skipped`), and why."""

    reason: str
    skipped: int


Record = (
    Hello
    | Stage
    | ProcessStart
    | ProcessEnd
    | ExecFailure
    | Plan
    | TestStart
    | TestEnd
    | Panic
    | Shutdown
    | ChannelError
)


class Decoder:
    """An incremental decoder: its records do not depend on how the bytes were split."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipped = 0
        self._reason = ""

    def feed(self, data: bytes) -> list[Record]:
        """Adds bytes; returns the records that are now complete."""
        self._buffer += data
        return self._decode(at_end=False)

    def finish(self) -> list[Record]:
        """Ends the stream. A truncated frame is an error; valid frames inside it still count."""
        records = self._decode(at_end=True)
        self._report_skipped(records)
        return records

    def _decode(self, at_end: bool) -> list[Record]:
        buffer, records, pos = self._buffer, list[Record](), 0
        while pos < len(buffer):
            size, reason = _frame_at(buffer, pos)
            if size is None and not at_end:
                break
            if size is None or reason:
                # Skip only the first byte: a panic may have started its own frame inside a truncated one.
                following = buffer.find(MAGIC[:1], pos + 1)
                following = len(buffer) if following < 0 else following
                self._skipped += following - pos
                self._reason = self._reason or reason or "a record was cut off"
                pos = following
                continue
            self._report_skipped(records)
            payload = bytes(buffer[pos + HEADER.size : pos + size - CRC.size])
            records.append(_record(buffer[pos + 2], payload))
            pos += size
        del buffer[:pos]
        return records

    def _report_skipped(self, records: list[Record]) -> None:
        if self._skipped:
            records.append(ChannelError(self._reason, self._skipped))
            self._skipped, self._reason = 0, ""


def encode(kind: int, payload: bytes) -> bytes:
    """One frame, as the kernel writes it."""
    header = HEADER.pack(MAGIC, kind, 0, len(payload))
    return header + payload + CRC.pack(zlib.crc32(header[2:] + payload))


def _frame_at(buffer: bytearray, pos: int) -> tuple[int | None, str]:
    """Size of the frame at `pos` (None: more bytes are needed), and why it is invalid ("" if it is valid)."""
    available = len(buffer) - pos
    if not MAGIC.startswith(buffer[pos : pos + 2]):
        return 0, "bytes that begin no record"
    if available < HEADER.size:
        return None, ""
    _, _, flags, length = HEADER.unpack_from(buffer, pos)
    if flags != 0 or length > MAX_PAYLOAD:
        return 0, "a record's header is damaged"
    size = HEADER.size + length + CRC.size
    if available < size:
        return None, ""
    body_end = pos + HEADER.size + length
    if zlib.crc32(buffer[pos + 2 : body_end]) != CRC.unpack_from(buffer, body_end)[0]:
        return 0, "a record's checksum is wrong"
    return size, ""


def _text(data: bytes) -> str:
    # This raises nothing, keeps all bytes readable, and makes no lone surrogates, which would break JSON.
    return data.decode("utf-8", errors="backslashreplace")


def _record(kind: int, payload: bytes) -> Record:
    decode = _DECODERS.get(kind)
    if decode is None:
        return ChannelError(f"unknown record type {kind}", len(payload))
    try:
        return decode(payload)
    except (struct.error, ValueError) as error:
        return ChannelError(f"a record of type {kind} has a malformed payload: {error}", len(payload))


def _fields(layout: str, payload: bytes) -> tuple[tuple[int, ...], bytes]:
    """The fixed fields and the remaining bytes. Raises struct.error if the payload is too short."""
    size = struct.calcsize(layout)
    return struct.unpack_from(layout, payload), payload[size:]


def _exact(layout: str, payload: bytes) -> tuple[int, ...]:
    fields, rest = _fields(layout, payload)
    if rest:
        raise ValueError(f"{len(rest)} bytes too many")
    return fields


def _hello(payload: bytes) -> Hello:
    (version, arch, cpus), rest = _fields("<HBxHxx", payload)
    features = tuple(name for name in _text(rest).split(",") if name)
    return Hello(version, ARCHITECTURES.get(arch, f"architecture {arch}"), cpus, features)


def _process_start(payload: bytes) -> ProcessStart:
    (pid, ppid), rest = _fields("<II", payload)
    return ProcessStart(pid, ppid, _text(rest))


def _process_end(payload: bytes) -> ProcessEnd:
    (pid, ppid, status, survivor), rest = _fields("<IIiB", payload)
    return ProcessEnd(pid, ppid, status, _flag(survivor), _text(rest))


def _flag(value: int) -> bool:
    if value not in (0, 1):
        raise ValueError(f"{value} is not 0 or 1")
    return value == 1


def _test_end(payload: bytes) -> TestEnd:
    (status, name_length), rest = _fields("<BH", payload)
    if status > 2 or name_length > len(rest):
        raise ValueError(f"status {status}, name of {name_length} bytes in {len(rest)}")
    return TestEnd(_text(rest[:name_length]), status, _text(rest[name_length:]))


def _exec_failure(payload: bytes) -> ExecFailure:
    (errno,), rest = _fields("<I", payload)
    return ExecFailure(errno, _text(rest))


def _panic(payload: bytes) -> Panic:
    (cpu,), rest = _fields("<Hxx", payload)
    return Panic(cpu, _text(rest))


_DECODERS: dict[int, Callable[[bytes], Record]] = {
    1: _hello,
    2: lambda payload: Stage(_text(payload)),
    3: _process_start,
    4: _process_end,
    5: lambda payload: Plan(*_exact("<I", payload)),
    6: lambda payload: TestStart(_text(payload)),
    7: _test_end,
    8: _panic,
    SHUTDOWN: lambda payload: Shutdown(*_exact("<B", payload)),
    10: _exec_failure,
}
