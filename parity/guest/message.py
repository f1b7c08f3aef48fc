"""Messages of a supervisor: reads them from frames of a lane and from lines of a recording.

Neither source is trusted: the guest of a lane can have broken out of its emulator, and other programs can
write to the store that has the recordings. So a message is valid only if its fields and their types are
exactly those of its kind.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Amount = Annotated[int, Meta(ge=0, le=2**62)]
HEADER_MOST = 2**20  # bytes
DATA_MOST = 2**26  # more than a supervisor keeps of a stream, and more than any request for guest memory


class _Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of one kind of message; this base class has none."""


class _Started(_Fields, frozen=True):
    pid: int


class _Version(msgspec.Struct, frozen=True):
    major: int
    minor: int


class _Qemu(msgspec.Struct, frozen=True):
    qemu: _Version


class _Greeting(msgspec.Struct, frozen=True):
    version: _Qemu


class _Said(msgspec.Struct, frozen=True):
    """The emulator's greeting, or an event."""

    event: str | None = None
    data: dict[str, Any] = {}
    QMP: _Greeting | None = None

    def __post_init__(self) -> None:
        if (self.event is None) is (self.QMP is None):
            raise ValueError("neither a greeting nor an event")


class _Qmp(_Fields, frozen=True):
    message: _Said


class _Complaint(msgspec.Struct, frozen=True):
    desc: str


class _Answer(msgspec.Struct, frozen=True):
    result: Any = msgspec.field(name="return", default=None)
    error: _Complaint | None = None


class _Reply(_Fields, frozen=True):
    reply: _Answer


class _Vcpu(msgspec.Struct, frozen=True):
    cpu_s: Seconds
    run_delay_s: Seconds


class _Sample(_Fields, frozen=True):
    vcpus: list[_Vcpu]
    serial_bytes: Amount
    channel_bytes: Amount
    stopped: bool = False


class _Hold(_Fields, frozen=True):
    on: bool
    more_time: bool = False


class _Dropped(_Fields, frozen=True):
    stream: str
    count: Amount


class _Refusal(_Fields, frozen=True):
    message: str
    unreadable: bool = False


class _Exit(_Fields, frozen=True):
    asked: bool
    status: int | None = None
    signal: int | None = None
    overdue: bool = False

    def __post_init__(self) -> None:
        if (self.status is None) is (self.signal is None):
            raise ValueError("neither a status nor a signal, or both")


KINDS: Mapping[str, type[_Fields]] = {
    "started": _Started,
    "qmp": _Qmp,
    "reply": _Reply,
    "sample": _Sample,
    "hold": _Hold,
    "dropped": _Dropped,
    "failed": _Refusal,
    "broken": _Refusal,
    "exit": _Exit,
}
"""The kinds that have fields; a message of any other kind has the bytes of a descriptor."""


@dataclass(frozen=True)
class Message:
    """One message; supervisor.py documents the kinds. `t`: seconds since the emulator's start."""

    kind: str
    t: float
    data: bytes = b""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def checked(cls, kind: object, t: object, data: bytes, fields: Mapping[str, Any]) -> Self:
        """A message with checked fields; raises ValueError if it is not valid."""
        if not isinstance(kind, str):
            raise ValueError("the type is not a string")  # noqa: TRY004
        msgspec.convert(fields, KINDS.get(kind, _Fields))
        return cls(kind, msgspec.convert(t, Seconds), data, fields)

    def to_json(self) -> str:
        """One line of a recording."""
        data = {"data": base64.b64encode(self.data).decode()} if self.data else {}
        return json.dumps({"type": self.kind, "t": self.t, **data, **self.fields})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The inverse of `to_json`. Raises ValueError for anything else."""
        values = _object(line)
        data = values.pop("data", "")
        if not isinstance(data, str):
            raise ValueError("the data is not a string")  # noqa: TRY004
        return cls.checked(
            values.pop("type", None), values.pop("t", None), base64.b64decode(data, validate=True), values
        )


class FrameReader:
    """Splits the supervisor's standard output, given in pieces of any size, into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._header: dict[str, Any] | None = None  # of the frame whose bytes are not complete
        self._size = 0

    def feed(self, piece: bytes) -> list[Message]:
        """Adds bytes; returns the messages that are now complete. Raises ValueError for an invalid frame."""
        self._buffer += piece
        messages: list[Message] = []
        while self._header is not None or self._read_header():
            if len(self._buffer) < self._size:
                break
            header, self._header = self._header or {}, None
            data = bytes(self._buffer[: self._size])
            del self._buffer[: self._size]
            messages.append(Message.checked(header.pop("type", None), header.pop("t", None), data, header))
        return messages

    def _read_header(self) -> bool:
        """Moves a header out of the buffer; returns whether it has a complete one."""
        end = self._buffer.find(b"\n", 0, HEADER_MOST)
        if end < 0:
            if len(self._buffer) >= HEADER_MOST:
                raise ValueError("a frame without a header")
            return False
        header = _object(bytes(self._buffer[:end]))
        self._size = msgspec.convert(header.pop("n", None), Annotated[int, Meta(ge=0, le=DATA_MOST)])
        self._header = header
        del self._buffer[: end + 1]
        return True


def _object(text: bytes | str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except RecursionError:
        raise ValueError("nested too deeply") from None
