"""What can be seen of a guest from outside, beside the records of its result channel.

Times are seconds since the emulator was started, by the lane's monotonic clock.
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
    """Bytes arrived on the guest's console; their text is serial.py's business."""

    count: int


@dataclass(frozen=True, slots=True)
class SerialMatch:
    """A line of the console holds one of the tree's patterns."""

    pattern: str
    line: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Once a second: CPU time and waiting for a processor, summed over the vCPU threads, and bytes so far.

    The byte counts include what was dropped beyond the lane's limits, so that a flood counts as activity.
    `stopped`: a signal keeps the whole emulator from running.
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
    """Somebody has looked at the machine for so long, and stopped it for that; the guest is not to blame."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DeadlineExtended:
    """A guest that counted as hung makes progress, said an autopsy: it may go on."""


@dataclass(frozen=True, slots=True)
class EmulatorOutput:
    """What the emulator wrote on its own standard error."""

    text: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """Bytes beyond the lane's limits were counted, not kept. `stream` is "serial" or "channel"."""

    stream: str
    count: int


@dataclass(frozen=True, slots=True)
class StartFailure:
    """The emulator process could not be started at all."""

    message: str


@dataclass(frozen=True, slots=True)
class Exit:
    """The emulator was reaped; exactly one of `status` and `signal` is set.

    `asked`: by our own stop. `overdue`: its guest had ended, it did not leave, and its lane killed it.
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
    """An event and the second at which the lane saw it."""

    t: float
    event: Event
