"""Runs one guest: a lane's messages → one stream of timed events → a judgement.

`python -m parity.guest.guest RECORDING` judges a recording again, without an emulator.
"""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, TextIO

import msgspec

from parity.core.errors import UserError
from parity.guest.lane import DockerLane, Lane, Message
from parity.guest.observer import GuestObserver, Hook, Observation
from parity.judge import serial, verdict
from parity.judge.channel import Decoder, Hello, Shutdown
from parity.judge.event import (
    DeadlineExtended,
    Dropped,
    EmulatorOutput,
    EmulatorVersion,
    Event,
    Exit,
    Paused,
    QmpEvent,
    Sample,
    SerialMatch,
    SerialOutput,
    Started,
    StartFailure,
    Timed,
)
from parity.judge.serial import Line, LineSplitter, Transcript
from parity.judge.state import Rules, State
from parity.judge.verdict import Judgement, Verdict
from parity.spec.machine import RunSpec

RECORDING_VERSION = 1
EVENTS = frozenset({"started", "stderr", "qmp", "sample", "dropped", "failed", "exit"})  # as _plain has them
WORK = frozenset({"serial", "channel", "qmp"})  # the messages that a running guest causes
KEPT_EVENTS = 5_000  # first and last events kept of one guest; the judge sees all


@dataclass(frozen=True)
class GuestRun:
    """The result of one guest. Times are seconds.

    `guest_s` is from the kernel's hello to its shutdown record (None when either is missing), `wall_s` from
    the emulator's start to its reaping, `cpu_s` and `run_delay_s` what the vCPUs used and waited for a
    processor up to the last sample. `lines` and `events` are the first and the last (see serial.KEPT_BYTES,
    KEPT_EVENTS); `events` leaves out plain console output, `dropped` counts bytes by stream.
    """

    judgement: Judgement
    events: tuple[Timed, ...] = ()
    lines: tuple[Line, ...] = ()
    guest_s: float | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    run_delay_s: float = 0.0
    dropped: dict[str, int] = field(default_factory=dict)
    state: State | None = None  # the judge's final state; None if no lane could run it
    observation: Observation | None = None  # of a hook, if there was a machine to observe


class EventStream:
    """Converts messages to timed events: channel bytes → records, console bytes → lines."""

    def __init__(self, panic_patterns: Sequence[str]) -> None:
        self.transcript = Transcript()
        self._patterns = panic_patterns
        self._records, self._lines = Decoder(), LineSplitter()
        self._held_t: float | None = None  # start of the current examination of the machine

    def feed(self, message: Message) -> list[Timed]:
        """The events in one message."""
        t = message.t
        match message.kind:
            case "serial":
                lines = self._lines.feed(t, message.data)
                return [Timed(t, SerialOutput(len(message.data))), *self._keep(t, lines)]
            case "channel":
                return [Timed(t, record) for record in self._records.feed(message.data)]
            case "exit":
                rest = [Timed(t, record) for record in self._records.finish()]
                return [*rest, *self._keep(t, self._lines.finish()), Timed(t, _plain(message))]
            case "hold":
                return self._hold(t, message.fields)
            case "sample" if self._held_t is not None:
                return []
            case kind if kind not in EVENTS:
                return []
            case _:
                return [Timed(t, _plain(message))]

    def _hold(self, t: float, fields: Mapping[str, Any]) -> list[Timed]:
        since = self._held_t
        if fields["on"]:
            self._held_t = t if since is None else since
            return []
        self._held_t = None
        events: list[Event] = [] if since is None else [Paused(t - since)]
        if fields.get("more_time"):
            events.append(DeadlineExtended())
        return [Timed(t, event) for event in events]

    def _keep(self, t: float, lines: list[Line]) -> Iterator[Timed]:
        for line in lines:
            self.transcript.add(line)
            if pattern := serial.match(line, self._patterns):
                yield Timed(t, SerialMatch(pattern, line.text))


def run_guest(
    lane: Lane,
    spec: RunSpec,
    panic_patterns: Sequence[str],
    recording: Path,
    hook: Hook | None = None,
) -> GuestRun:
    """Runs one guest and judges it live. `recording` receives all messages, also if this process is killed.

    A guest that counts as hung is stopped. `hook` observes guests of lanes with an emulator.

    Raises LaneError if the lane fails, and what `hook` raises.
    """
    observer = GuestObserver(lane, hook) if hook and isinstance(lane, DockerLane) else None
    with recording.open("w", encoding="utf-8", buffering=1) as file:
        header = {
            "recording": RECORDING_VERSION,
            "spec": msgspec.to_builtins(spec),
            "panic_patterns": list(panic_patterns),
        }
        file.write(json.dumps(header) + "\n")
        messages = observer.run(spec) if observer else lane.run(spec)
        return judged(spec, panic_patterns, _recorded(messages, file), lane.stop, observer)


def judged(
    spec: RunSpec,
    panic_patterns: Sequence[str],
    messages: Iterable[Message],
    stop: Callable[[], None] = lambda: None,
    observer: GuestObserver | None = None,
) -> GuestRun:
    """Folds messages into a GuestRun; calls `stop` once when the guest must be ended.

    Later messages of the guest do not count, unless its deadline is extended.
    """
    stream, state, asked = EventStream(panic_patterns), State(rules(spec)), False
    late: list[Timed] = []
    observation: Observation | None = None
    first: list[Timed] = []
    last: deque[Timed] = deque(maxlen=KEPT_EVENTS)
    for message in messages:
        for timed in stream.feed(message):
            if verdict.reason_to_stop(state) and message.kind in WORK:
                late.append(timed)
            elif isinstance(timed.event, DeadlineExtended):
                state, late = reduce(verdict.observe, [*late, timed], state), []
            else:
                state = verdict.observe(state, timed)
            if not isinstance(timed.event, SerialOutput):
                (first if len(first) < KEPT_EVENTS else last).append(timed)
        if observer:
            observation = observer.poll(state, stream.transcript.lines) or observation
        over = verdict.reason_to_stop(state) and not (observer and observer.lets_go_on(state))
        if over and not asked and state.exit is None:
            asked = True
            stop()
    if observation:
        observation = observation.with_panic(state.panic or state.console_panic)
    return replace(_run(state, [*first, *last], stream.transcript), observation=observation)


def judge_recording(path: Path) -> GuestRun:
    """Judges a recording, also a truncated one, by the current rules. Raises UserError if it is none."""
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            header = json.loads(file.readline())
            spec = msgspec.convert(header["spec"], RunSpec)
            patterns = msgspec.convert(header["panic_patterns"], tuple[str, ...])
        except (ValueError, KeyError, TypeError):
            raise UserError("this is not a recording of a guest", file=path, line=1) from None
        return judged(spec, patterns, _messages(file))


def rules(spec: RunSpec) -> Rules:
    """The judge's rules for a guest of this spec."""
    machine = spec.machine
    return Rules(
        program=spec.program,
        cpu_budget_s=spec.cpu_budget_s,
        silence_s=spec.silence_s,
        least_emulator=machine.least_version,
        power_off_status=machine.power_off_status,
        kind=spec.kind,
        ends_as=spec.ends_as,
    )


def _recorded(messages: Iterable[Message], file: TextIO) -> Iterator[Message]:
    for message in messages:
        file.write(message.to_json() + "\n")
        yield message


def _messages(file: TextIO) -> Iterator[Message]:
    for line in file:
        try:
            yield Message.from_json(line)
        except (ValueError, KeyError, TypeError):  # truncated in the middle of a line
            return


def _plain(message: Message) -> Event:
    """The event of a message that is exactly one event. Raises ValueError for an unknown kind."""
    values = message.fields
    match message.kind:
        case "started":
            return Started(values["pid"])
        case "stderr":
            return EmulatorOutput(message.data.decode("utf-8", errors="replace"))
        case "qmp" if "QMP" in values["message"]:
            version = values["message"]["QMP"]["version"]["qemu"]
            return EmulatorVersion(version["major"], version["minor"])
        case "qmp":
            return QmpEvent(values["message"]["event"], values["message"].get("data", {}))
        case "sample":
            cpu_s = sum(vcpu["cpu_s"] for vcpu in values["vcpus"])
            delay_s = sum(vcpu["run_delay_s"] for vcpu in values["vcpus"])
            bytes_ = values["serial_bytes"], values["channel_bytes"]
            return Sample(cpu_s, delay_s, *bytes_, stopped=values.get("stopped", False))
        case "dropped":
            return Dropped(values["stream"], values["count"])
        case "failed":
            return StartFailure(values["message"])
        case "exit":
            return Exit(
                values.get("status"), values.get("signal"), values["asked"], values.get("overdue", False)
            )
    raise ValueError(f"a message of unknown kind {message.kind!r}")


def _run(state: State, events: list[Timed], transcript: Transcript) -> GuestRun:
    hello = next((timed.t for timed in events if isinstance(timed.event, Hello)), None)
    shutdown = next((timed.t for timed in reversed(events) if isinstance(timed.event, Shutdown)), None)
    return GuestRun(
        judgement=verdict.judge(state),
        events=tuple(events),
        lines=transcript.lines(),
        guest_s=shutdown - hello if hello is not None and shutdown is not None else None,
        wall_s=events[-1].t if events else 0.0,
        cpu_s=state.sample.cpu_s if state.sample else 0.0,
        run_delay_s=state.sample.run_delay_s if state.sample else 0.0,
        dropped={
            timed.event.stream: timed.event.count for timed in events if isinstance(timed.event, Dropped)
        },
        state=state,
    )


def main(arguments: Sequence[str]) -> int:
    """Prints a recording's console and verdict; returns 0 for a pass, 1 otherwise, 3 if it is none."""
    try:
        run = judge_recording(Path(arguments[0]))
    except (UserError, OSError, IndexError) as error:
        print(error if arguments else "usage: python -m parity.guest.guest RECORDING", file=sys.stderr)
        return 3
    print(serial.render(run.lines), end="")
    print(f"{run.judgement.verdict}: {run.judgement.cause}")
    return 0 if run.judgement.verdict is Verdict.PASS else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
