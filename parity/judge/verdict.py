"""From events to a verdict. No other code decides a verdict.

Pure: `observe` folds one timed event into a State, `reason_to_stop` says when to end the guest, `judge`
gives the verdict after the last event. The same events give the same verdict, live or from a recording.

The verdicts of a guest; the first that applies wins:

    panic    the kernel sent a PANIC record, at any time, also after success; or, before its hello, its
             console shows one (after the hello, user programs can print that text: it no longer counts)
    infra    the emulator could not be started, refused its arguments, is too old, or was killed or stopped
             from outside before its guest had ended
    hang     the vCPUs used up the CPU budget; or the guest was silent although the host let it run; or it ran
             too long, or wrote too much (limits.py). If an autopsy finds progress, these limits are doubled,
             once
    not_run  it was stopped on request before any of these
    crash    the guest ended without a SHUTDOWN record, or not by a power-off with the status of its machine;
             or the emulator ended before its guest
    fail     PID 1 is another program, could not be loaded, did not end, ended as a wrong program or with a
             status other than 0; an in-kernel test failed or was skipped; the kernel ran tests instead of a
             program, or announced no tests although it had to run them; or the result channel broke its rules
             (damaged records, records out of order). A damaged channel never gives a pass
    pass     HELLO; PID 1 started as the requested program and ended with status 0; SHUTDOWN; power-off. For
             an in-kernel run: every announced test passed, instead of PID 1

The run spec says whether a run is of a program or of in-kernel tests; the guest cannot change that. Console
text and other processes never make a pass. An emulator that dies after its machine's end changes no verdict.
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from parity.judge import channel, limits
from parity.judge.channel import TestEnd
from parity.judge.event import (
    DeadlineExtended,
    Dropped,
    EmulatorOutput,
    EmulatorVersion,
    Exit,
    Paused,
    QmpEvent,
    Sample,
    SerialMatch,
    SerialOutput,
    StartFailure,
    Timed,
)
from parity.judge.serial import escape
from parity.judge.state import (
    Rules,
    RunKind,
    State,
    apply_record,
    how_it_ended,
    init_name,
    progress,
    protocol_violation,
)

INIT_ENDED, IN_KERNEL_RUN_FINISHED, NO_INIT = 0, 1, 2  # reasons of a SHUTDOWN record
OUTSIDE = frozenset({1, 2, 3, 9, 15})  # HUP, INT, QUIT, KILL, TERM: an emulator never raises these itself
KEPT_OUTPUT = 2000
NO_PLAN = "the kernel had to run its own tests, but announced none"


class Verdict(StrEnum):
    """The result of a test."""

    PASS = "pass"
    FAIL = "fail"
    PANIC = "panic"
    HANG = "hang"
    CRASH = "crash"
    INFRA = "infra"
    MISSING = "missing"  # there is no program with that name
    NOT_RUN = "not_run"
    FLAKY = "flaky"  # passed at least once and did not pass at least once, with the same inputs


@dataclass(frozen=True)
class Judgement:
    """A verdict and its cause in one sentence, safe to print."""

    verdict: Verdict
    cause: str


def observe(state: State, timed: Timed) -> State:
    """The state after one more event."""
    t, event = timed.t, timed.event
    if state.exit:
        return state  # a reaped process has no more events
    if isinstance(event, channel.Record):
        return apply_record(
            replace(limits.active(state, t), broken=state.broken or protocol_violation(state, event)), event
        )
    match event:
        case Sample():
            return limits.sampled(state, t, event)
        case SerialOutput() | Paused():
            return limits.active(state, t)
        case DeadlineExtended() if can_extend_deadline(state):
            return limits.extend(limits.active(state, t))
        case SerialMatch():
            if state.hello:
                return replace(state, console_claim=state.console_claim or event.line)
            return replace(state, console_panic=state.console_panic or event.line)
        case QmpEvent():
            return _qmp(state, t, event)
        case EmulatorOutput():
            return replace(state, emulator_says=(state.emulator_says + event.text)[-KEPT_OUTPUT:])
        case EmulatorVersion() if (event.major, event.minor) < state.rules.least_emulator:
            least = ".".join(map(str, state.rules.least_emulator))
            return limits.infra(
                state, f"the emulator is {event.major}.{event.minor}; the machine needs {least}"
            )
        case Dropped() if event.stream == "channel":
            return replace(state, broken=state.broken or f"it was flooded: {event.count} bytes were dropped")
        case StartFailure():
            return limits.infra(state, f"the emulator did not start: {event.message}")
        case Exit():
            return _exit(state, event)
    return state


def reason_to_stop(state: State) -> str | None:
    """Why the emulator must be ended now; None if it may run. Only an extended deadline resets a reason."""
    return state.hang or state.infra


def can_extend_deadline(state: State) -> bool:
    """Whether a guest that counts as hung may continue if it makes progress."""
    return state.hang is not None and not (
        state.deadline_extended or state.infra or state.panic or state.machine_end
    )


def has_failed(state: State) -> bool:
    """Whether the guest hangs, has panicked, or has ended without a shutdown record."""
    dead = state.machine_end is not None and not state.shutdown
    return dead or any((state.hang, state.panic, state.console_panic))


def judge(state: State) -> Judgement:
    """The verdict, after the last event."""
    found = _judgement(state)
    return replace(found, cause=found.cause + escape(_afterwards(state)))


def _judgement(state: State) -> Judgement:
    for verdict, cause in (
        (Verdict.PANIC, state.panic or state.console_panic),
        (Verdict.INFRA, state.infra),
        (Verdict.HANG, state.hang),
        (Verdict.INFRA, "the record of this guest ends before its emulator did" if not state.exit else None),
        (Verdict.NOT_RUN, "it was stopped on request" if state.exit and state.exit.asked else None),
        (Verdict.CRASH, _crash(state)),
        (Verdict.FAIL, state.broken and f"the result channel cannot be trusted: {state.broken}"),
        (Verdict.FAIL, _failed(state)),
    ):
        if cause is not None:
            return Judgement(verdict, escape(cause))
    slow = "; it was slow, and had more time than the suite gives it" if state.deadline_extended else ""
    if state.rules.kind is RunKind.TESTS:
        return Judgement(Verdict.PASS, f"all {state.plan} in-kernel tests passed{slow}")
    return Judgement(Verdict.PASS, escape(f"PID 1 ({init_name(state)}) ended with status 0{slow}"))


@dataclass(frozen=True)
class End:
    """The required end of a test that ends the kernel: the verdict, and a text that the cause contains."""

    verdict: Verdict
    cause_contains: str


def judge_tests(state: State, asked: Sequence[str], ends: Mapping[str, End]) -> dict[str, Judgement]:
    """The verdicts of the in-kernel tests `asked`, which a guest had to run, after the guest's last event.

    If the guest panics, hangs or crashes in or after a test, this test gets the guest's verdict, and the
    tests before it keep their own. The tests after it are not in the result: another guest must run them.
    `ends` has the tests that must end the kernel.
    """
    guest, ended = judge(state), {end.name: end for end in state.ended}
    cut_short = guest.verdict in (Verdict.PANIC, Verdict.HANG, Verdict.CRASH)
    last = state.started[-1] if state.started and state.started[-1] in asked else None
    found = {}
    for name in asked:
        if name in ended and not (cut_short and name == last):
            found[name] = _judge_test(state, ended[name], ends.get(name))
        elif cut_short and name == last and name in ended:
            found[name] = replace(guest, cause=f"after the test: {guest.cause}")
        elif cut_short and name == last:
            found[name] = _judge_required_end(ends[name], guest) if name in ends else guest
        elif cut_short and last is None:
            found[name] = replace(guest, cause=f"before the first test: {guest.cause}")
        elif not cut_short and guest.verdict in (Verdict.PASS, Verdict.FAIL):
            missing = "did not end it" if name in state.started else "has no such test"
            found[name] = Judgement(Verdict.FAIL, f"the kernel {missing}")
        elif not cut_short:
            found[name] = guest
    return found


def _judge_test(state: State, end: TestEnd, must: End | None) -> Judgement:
    if state.broken:
        return Judgement(Verdict.FAIL, escape(f"the result channel cannot be trusted: {state.broken}"))
    if end.status:
        return Judgement(Verdict.FAIL, escape(end.message or ("", "it failed", "it was skipped")[end.status]))
    if must:
        return Judgement(Verdict.FAIL, f"it must end the kernel in {must.verdict}, but the kernel continued")
    return Judgement(Verdict.PASS, escape(end.message or "it passed"))


def _judge_required_end(end: End, guest: Judgement) -> Judgement:
    if guest.verdict is end.verdict and end.cause_contains in guest.cause:
        return Judgement(Verdict.PASS, f"it ended as required, in {guest.verdict}: {guest.cause}")
    required = f"it must end in {end.verdict} with a cause that contains {end.cause_contains!r}"
    return replace(guest, cause=f"{guest.cause}; {required}")


def combine(judgements: Sequence[Judgement], before: int = 0) -> Judgement:
    """One verdict from all runs of a test under one key (at least one run), oldest first.

    If all runs pass, the verdict is `pass`; if only some pass, `flaky`; if none passes, the last run decides.
    `before`: number of runs that did not pass before fresh=1 restarted the count; the cause mentions them,
    but they do not change the verdict.
    """
    last = judgements[-1]
    failures = [judgement for judgement in judgements if judgement.verdict is not Verdict.PASS]
    old = f"; {before} did not pass before fresh=1" if before else ""
    if not failures or len(failures) == len(judgements):
        return replace(last, cause=last.cause + old)
    passed = len(judgements) - len(failures)
    worst = failures[-1]
    cause = f"passed {passed} of {len(judgements)} times; the last failure: {worst.verdict}: {worst.cause}"
    return Judgement(Verdict.FLAKY, cause + old)


def judge_all(rules: Rules, events: Iterable[Timed]) -> Judgement:
    """The verdict on a whole sequence of events."""
    state = State(rules)
    for timed in events:
        state = observe(state, timed)
    return judge(state)


def _qmp(state: State, t: float, event: QmpEvent) -> State:
    if event.name == "RESUME":
        return limits.active(state, t)
    if event.name != "SHUTDOWN" or state.machine_end is not None:
        return state
    reason = str(event.data.get("reason", "unknown"))
    state = replace(state, machine_end=reason)
    if event.data.get("guest") is True:
        return state
    return limits.infra(state, f"the emulator was ended from outside ({reason})")


def _exit(state: State, event: Exit) -> State:
    state = replace(state, exit=event)
    if event.asked or state.machine_end is not None:
        return state
    if event.signal in OUTSIDE:
        return limits.infra(state, f"the emulator was killed from outside (signal {event.signal})")
    if not state.ran:
        how = f"signal {event.signal}" if event.signal else f"status {event.status}"
        return limits.infra(
            state, f"the emulator ended with {how} before the guest ran{_emulator_says(state)}"
        )
    return state


def _emulator_says(state: State) -> str:
    return f": {state.emulator_says.strip()}" if state.emulator_says.strip() else ""


def _crash(state: State) -> str | None:
    """Why the machine's end was not normal; None if it was."""
    end = state.exit
    if end is None:
        return None
    if state.machine_end is None:
        how = f"died of signal {end.signal}" if end.signal else f"ended with status {end.status}"
        return f"the emulator {how}{_emulator_says(state)} ({progress(state)})"
    if state.shutdown is None:
        claim = f"; its console says {state.console_claim!r}" if state.console_claim else ""
        return f"the guest ended without a shutdown record: {state.machine_end} ({progress(state)}){claim}"
    if state.machine_end != "guest-shutdown":
        return f"the guest did not power off: {state.machine_end}"
    if end.status not in (None, state.rules.power_off_status):
        return f"after power-off the emulator ended with status {end.status}{_emulator_says(state)}"
    return None


def _afterwards(state: State) -> str:
    """A remark if the emulator died after its machine's end, which is not the kernel's fault."""
    end = state.exit
    if end is None or end.signal is None or end.asked or state.machine_end is None:
        return ""
    if end.overdue:
        return "; afterwards the emulator did not end when asked to, and was killed"
    return f"; afterwards the emulator died of signal {end.signal}{_emulator_says(state)}"


def _failed(state: State) -> str | None:
    """Why a run with a normal end of the machine is not a pass; None if it is."""
    if state.rules.kind is RunKind.TESTS:
        return _failed_tests(state, state.plan) if state.plan is not None else NO_PLAN
    if state.plan is not None or state.started or state.ended:
        return f"the kernel had to start {state.rules.program or 'a program'}, but ran its own tests"
    return _failed_init(state)


def _failed_init(state: State) -> str | None:
    """Why a run of a program is not a pass; None if it is."""
    program = state.rules.program
    if state.exec_failure:
        name = errno.errorcode.get(state.exec_failure.errno, f"errno {state.exec_failure.errno}")
        return f"the program cannot be loaded: {state.exec_failure.program}: {name}"
    if not state.init or not state.init_end:
        return "the kernel shut down, but PID 1 never " + ("ended" if state.init else "started")
    if program is not None and state.init.program != program:
        return f"PID 1 is {state.init.program!r}, not {program!r}"
    if state.init_end.survivor:
        return f"PID 1 ({init_name(state)}) was killed by the kernel at shutdown"
    if state.init_end.status != 0:
        return f"PID 1 ({init_name(state)}) {how_it_ended(state.init_end)}"
    if state.init_end.program != (ends_as := state.rules.ends_as or state.init.program):
        return f"PID 1 ended as {state.init_end.program!r}, not as {ends_as!r}"
    if state.shutdown is None or state.shutdown.reason != INIT_ENDED:
        return "the shutdown record gives another reason than the end of PID 1"
    return None


def _failed_tests(state: State, plan: int) -> str | None:
    """Why an in-kernel run is not a pass; None if it is."""
    bad = [f"{end.name} {('', 'failed', 'was skipped')[end.status]}" for end in state.ended if end.status]
    bad += [f"{name} did not end" for name in state.started if name not in {end.name for end in state.ended}]
    if bad:
        return f"{len(bad)} of {plan} tests did not pass: {', '.join(bad)}"
    if plan == 0 or plan != len(state.ended):
        return f"{plan} tests were announced, {len(state.ended)} ran"
    if state.shutdown is None or state.shutdown.reason != IN_KERNEL_RUN_FINISHED:
        return "the shutdown record gives another reason than the end of the in-kernel run"
    if state.init_end and state.init_end.status and not state.init_end.survivor:
        return f"PID 1 ({init_name(state)}) {how_it_ended(state.init_end)}"
    return None
