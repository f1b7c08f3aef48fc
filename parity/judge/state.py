"""The state of a guest as the judge knows it, the guest's rules, and the rules of the result channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from parity.judge import channel
from parity.judge.channel import (
    ExecFailure,
    Hello,
    Panic,
    Plan,
    ProcessEnd,
    ProcessStart,
    Shutdown,
    TestEnd,
    TestStart,
)
from parity.judge.event import Exit, Sample

PROTOCOL_VERSION, LEAST_PROTOCOL_VERSION = 2, 1


class RunKind(StrEnum):
    """The task of a guest, which the run spec sets. The guest cannot change it."""

    PROGRAM = "program"  # start a program as PID 1, and end with it
    TESTS = "tests"  # run the kernel's own tests, announced by a plan


@dataclass(frozen=True)
class Rules:
    """The rules that the judge applies to a guest.

    `program` is the required program of PID 1 (None: any), `ends_as` the program that PID 1 must be at its
    end (None: the same), `power_off_status` the emulator's status after a normal power-off. The CPU budget is
    for the whole guest, or for each test if the kernel runs its own tests.
    """

    program: str | None = None
    cpu_budget_s: float = 20.0
    silence_s: float = 3.0
    least_emulator: tuple[int, int] = (0, 0)
    power_off_status: int = 0
    kind: RunKind = RunKind.PROGRAM
    ends_as: str | None = None


@dataclass(frozen=True)
class State:
    """Everything that the judge knows of a guest so far."""

    rules: Rules
    # reports of the guest
    hello: bool = False
    panic: str | None = None
    console_panic: str | None = None  # a panic pattern on the console before the hello
    console_claim: str | None = None  # the same after the hello, when user programs can also print it
    broken: str | None = None  # the first rule of the result channel that was broken
    init: ProcessStart | None = None
    init_end: ProcessEnd | None = None
    exec_failure: ExecFailure | None = None  # instead of a start of PID 1
    plan: int | None = None
    started: tuple[str, ...] = ()
    ended: tuple[TestEnd, ...] = ()
    shutdown: Shutdown | None = None
    # use of time
    sample: Sample | None = None
    sample_t: float = 0.0
    active_t: float = 0.0
    active_delay_s: float = 0.0  # run delay at active_t, or a little earlier
    hang: str | None = None
    deadline_extended: bool = False  # it counted as hung once and got more time
    # start of the running in-kernel test, and durations of those that have ended
    test_t: float = 0.0
    test_cpu_s: float = 0.0
    test_delay_s: float = 0.0
    test_bytes: int = 0  # of console and channel, before it
    test_s: Mapping[str, float] = field(default_factory=dict)
    # state of the machine
    ran: bool = False
    machine_end: str | None = None
    emulator_says: str = ""
    infra: str | None = None
    exit: Exit | None = None


def protocol_violation(state: State, record: channel.Record) -> str | None:
    """The rule of the protocol that `record` breaks in this state; None if it breaks none."""
    match record:
        case channel.ChannelError():
            return f"{record.reason} ({record.skipped} bytes)"
        case Panic():
            return None
        case Hello() if not LEAST_PROTOCOL_VERSION <= record.version <= PROTOCOL_VERSION:
            known = f"{LEAST_PROTOCOL_VERSION} to {PROTOCOL_VERSION}"
            return f"the kernel uses protocol version {record.version}, not {known}"
        case Hello() if state.hello:
            return "a second hello: the kernel started again"
        case _ if state.shutdown or state.machine_end:
            return "a record after " + ("the shutdown record" if state.shutdown else "the machine's end")
        case _ if not state.hello and not isinstance(record, Hello):
            return "a record before the hello"
        case ProcessStart(pid=1) if state.init:
            return "PID 1 started twice"
        case ProcessEnd(pid=1) if not state.init or state.init_end:
            return "PID 1 ended twice" if state.init_end else "PID 1 ended, but never started"
        case Plan() if state.plan is not None:
            return "two test plans"
        case TestStart() if state.plan is None:
            return f"test {record.name} started without a plan"
        case TestStart() if record.name in state.started:
            return f"test {record.name} started twice"
        case TestEnd() if record.name not in state.started:
            return f"test {record.name} ended, but never started"
        case TestEnd() if record.name in {end.name for end in state.ended}:
            return f"test {record.name} ended twice"
    return None


def apply_record(state: State, record: channel.Record) -> State:
    """The state after one more record. If a record must be unique, the first one counts."""
    match record:
        case Hello():
            return replace(state, hello=True)
        case Panic():
            return replace(state, panic=state.panic or record.message or "the kernel panicked")
        case ProcessStart(pid=1):
            return replace(state, init=state.init or record)
        case ProcessEnd(pid=1):
            return replace(state, init_end=state.init_end or record)
        case ExecFailure():
            return replace(state, exec_failure=state.exec_failure or record)
        case Plan():
            return replace(state, plan=state.plan if state.plan is not None else record.count)
        case TestStart():
            return _begin(replace(state, started=(*state.started, record.name)))
        case TestEnd():
            took = state.active_t - state.test_t
            return replace(state, ended=(*state.ended, record), test_s={**state.test_s, record.name: took})
        case Shutdown():
            return replace(state, shutdown=state.shutdown or record)
    return state


def _begin(state: State) -> State:
    """A test begins and gets its own budget. Unannounced tests share the budget of the last announced one,
    and tests in a run of a program share that program's budget."""
    if state.rules.kind is not RunKind.TESTS or len(state.started) > (state.plan or 0):
        return state
    cpu_s, delay_s = (state.sample.cpu_s, state.sample.run_delay_s) if state.sample else (0.0, 0.0)
    written = state.sample.serial_bytes + state.sample.channel_bytes if state.sample else 0
    return replace(state, test_t=state.active_t, test_cpu_s=cpu_s, test_delay_s=delay_s, test_bytes=written)


def progress(state: State) -> str:
    """The progress of the guest, as text for the cause of a verdict."""
    if state.shutdown:
        return "after its shutdown record"
    if state.init_end:
        return f"after PID 1 {how_it_ended(state.init_end)}"
    if state.plan is not None:
        running = [name for name in state.started if name not in {end.name for end in state.ended}]
        return f"in test {running[-1]}" if running else f"{len(state.ended)} of {state.plan} tests had ended"
    if state.exec_failure:
        return "PID 1 could not be started"
    if state.init:
        return f"PID 1 ({init_name(state)}) was running"
    return "before PID 1" if state.hello else "before its hello"


def init_name(state: State) -> str:
    """The name of PID 1's program, without its folder."""
    return state.init.program.rpartition("/")[2] if state.init else "?"


def how_it_ended(end: ProcessEnd) -> str:
    """A wait status as text."""
    signal = end.status & 0x7F
    if signal:
        return f"was killed by signal {signal}"
    return f"ended with status {(end.status >> 8) & 0xFF}"
