"""The events of a guest that are seen from outside, in addition to the records of its result channel.

Times are seconds since the emulator's start, by the lane's monotonic clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from parity.judge.channel import Record


@dataclass(frozen=True, slots=True)
class Started:
    """The emulator process exists."""

    pid: int


@dataclass(frozen=True, slots=True)
class EmulatorVersion:
    """The emulator's greeting on QMP."""

    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class SerialOutput:
    """Bytes arrived on the guest's console. serial.py handles their text."""

    count: int


@dataclass(frozen=True, slots=True)
class SerialMatch:
    """A console line contains one of the tree's panic patterns."""

    pattern: str
    line: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Each second: CPU time and run delay (waiting for a host CPU) of all vCPU threads together, and total
    bytes.

    The byte counts include dropped bytes, so that a flood counts as activity. `stopped`: a signal has stopped
    the whole emulator.
    """

    cpu_s: float
    run_delay_s: float
    serial_bytes: int
    channel_bytes: int
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class QmpEvent:
    """An asynchronous message of the emulator, such as SHUTDOWN."""

    name: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Paused:
    """Parity has examined the stopped machine for `seconds`. This time does not count as the guest's."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DeadlineExtended:
    """An autopsy found that a guest that counted as hung makes progress: it may continue."""


@dataclass(frozen=True, slots=True)
class EmulatorOutput:
    """Output of the emulator on its standard error."""

    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Bytes beyond the lane's limits were dropped. `stream` is "serial" or "channel"."""

    stream: str
    count: int


@dataclass(frozen=True, slots=True)
class StartFailure:
    """The emulator process could not be started."""

    message: str


@dataclass(frozen=True, slots=True)
class Exit:
    """The emulator was reaped. Exactly one of `status` and `signal` is set.

    `asked`: Parity stopped it. `overdue`: its guest had ended, but it did not exit, and the lane killed it.
    """

    status: int | None
    signal: int | None
    asked: bool
    overdue: bool = False


Event = (
    Record
    | Started
    | EmulatorVersion
    | SerialOutput
    | SerialMatch
    | Sample
    | QmpEvent
    | Paused
    | DeadlineExtended
    | EmulatorOutput
    | Dropped
    | StartFailure
    | Exit
)


@dataclass(frozen=True, slots=True)
class Timed:
    """An event and the time at which the lane saw it, in seconds."""

    t: float
    event: Event
