"""Events in, one verdict out. The only judge.

Pure: `observe` folds one timed event into a State, `reason_to_stop` says when to end the guest, `judge`
gives the verdict when nothing more will come. The same events give the same verdict, live
or from a recording.

What can be said of a guest, the strongest first:

    panic    the kernel said so in a PANIC record, at any time, also after success; or, before its hello, in
             the text of its console (after the hello user programs can print that text: it no longer counts)
    infra    the emulator could not be started, refused its arguments, is too old, or was killed or stopped
             from outside before its guest had ended
    hang     the vCPUs used up the CPU budget; or silence while the host did let them run; or the guest lived,
             never silent, for LIFE_FACTOR times its budget, not counting what it waited for a processor, or
             for its budget where it has written more than FLOOD_BYTES. One that an autopsy finds at work has
             MORE_TIME times all of that, once
    not_run  it was stopped on request before any of that
    crash    the guest ended without the SHUTDOWN record, or otherwise than by powering off with the status
             that power-off has on its machine; or the emulator ended before its guest
    fail     PID 1 is another program, could not be loaded, did not end, ended as another program than it must
             or with another status than 0; an in-kernel test did not end well (a skipped test did not); the
             kernel ran tests where it was to run a program, or announced none where it was to run them; or
             the result channel broke its own rules: damaged records, records out of order. A damaged channel
             can never be a pass, whatever else it says
    pass     HELLO, PID 1 started as the program asked for and ended as that with 0, SHUTDOWN, power-off; for
             an in-kernel run every announced test ended well instead

The run spec says which of the two a run is; nothing that a guest does changes that.
Text on the console and ends of other processes never make a pass. An emulator that dies after its machine has
ended, or that is killed because it does not leave, is a remark on the verdict and changes none.
"""

import errno
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from parity.judge import channel
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
from parity.judge.state import Rules, RunKind, State, breach, how_it_ended, init_name, progress, recorded

INIT_ENDED, IN_KERNEL_RUN_FINISHED, NO_INIT = 0, 1, 2  # reasons of a SHUTDOWN record
STARVED = 0.3  # share of a silence spent waiting for a processor from which on the host is to blame
LIFE_FACTOR = 6  # ends a guest that sleeps and prints for ever: it is never silent and uses no budget
FLOOD_BYTES = 2**21  # of console and channel: while a guest writes, its vCPUs wait, and use no CPU time
MORE_TIME = 2
OUTSIDE = frozenset({1, 2, 3, 9, 15})  # HUP, INT, QUIT, KILL, TERM: an emulator does not raise them itself
EMULATOR_START_S = 60.0  # to the guest's first instruction; a busy disk alone can take three
KEPT_OUTPUT = 2000
NO_PLAN = "the kernel was to run tests of its own, and announced none"


class Verdict(StrEnum):
    """What became of a test."""

    PASS = "pass"
    FAIL = "fail"
    PANIC = "panic"
    HANG = "hang"
    CRASH = "crash"
    INFRA = "infra"
    MISSING = "missing"  # there is no program of that name
    NOT_RUN = "not_run"
    FLAKY = "flaky"  # passed, and did not pass, under the same digests


@dataclass(frozen=True)
class Judgement:
    """A verdict and its cause in one sentence, safe to print."""

    verdict: Verdict
    cause: str


def observe(state: State, timed: Timed) -> State:
    """The state after one more event."""
    t, event = timed.t, timed.event
    if state.exit:
        return state  # nothing is seen of a process that was reaped
    if isinstance(event, channel.Record):
        return recorded(replace(_active(state, t), broken=state.broken or breach(state, event)), event)
    match event:
        case Sample():
            return _sample(state, t, event)
        case SerialOutput() | Paused():
            return _active(state, t)
        case DeadlineExtended() if may_have_more_time(state):
            return _more_time(_active(state, t))
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
            return _infra(state, f"the emulator is {event.major}.{event.minor}; the machine needs {least}")
        case Dropped() if event.stream == "channel":
            return replace(state, broken=state.broken or f"it was flooded: {event.count} bytes were dropped")
        case StartFailure():
            return _infra(state, f"the emulator did not start: {event.message}")
        case Exit():
            return _exit(state, event)
    return state


def reason_to_stop(state: State) -> str | None:
    """Why the emulator should be ended now, if it should. Once given, it stays."""
    return state.hang or state.infra


def may_have_more_time(state: State) -> bool:
    """Whether a guest that counts as hung may go on if it is found at work."""
    return state.hang is not None and not (state.more_time or state.infra or state.panic or state.machine_end)


def ails(state: State) -> bool:
    """Whether a guest that is still there hangs, or has panicked or ended without a shutdown."""
    dead = state.machine_end is not None and not state.shutdown
    return dead or any((state.hang, state.panic, state.console_panic))


def judge(state: State) -> Judgement:
    """The verdict, when no more events will come."""
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
    slow = "; it was slow, and had more time than the suite gives it" if state.more_time else ""
    if state.rules.kind is RunKind.TESTS:
        return Judgement(Verdict.PASS, f"all {state.plan} in-kernel tests ended well{slow}")
    return Judgement(Verdict.PASS, escape(f"PID 1 ({init_name(state)}) ended with status 0{slow}"))


@dataclass(frozen=True)
class End:
    """How a test that ends the kernel must end it: with this verdict, for a cause that says this."""

    verdict: Verdict
    says: str


def judge_tests(state: State, asked: Sequence[str], ends: Mapping[str, End]) -> dict[str, Judgement]:
    """The verdicts on in-kernel tests of a guest that was asked for these, when no more events will come.

    A test in which or after which the guest came to a bad end has that end's verdict, those before it their
    own; those after it are not in the answer: another guest must run them. `ends` has the tests for which a
    bad end is the good one.
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
            found[name] = _hold_against(ends[name], guest) if name in ends else guest
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
        return Judgement(Verdict.FAIL, f"it must end the kernel in {must.verdict}, and the kernel goes on")
    return Judgement(Verdict.PASS, escape(end.message or "it ended well"))


def _hold_against(end: End, guest: Judgement) -> Judgement:
    if guest.verdict is end.verdict and end.says in guest.cause:
        return Judgement(Verdict.PASS, f"it ended as it must, in {guest.verdict}: {guest.cause}")
    return replace(guest, cause=f"{guest.cause}; it must end in {end.verdict} and say {end.says!r}")


def sum_up(judgements: Sequence[Judgement], before: int = 0) -> Judgement:
    """One verdict from all that was seen of a test under one key (at least one run), oldest first.

    Runs that all pass are a pass; some that pass and some that do not are flaky, however many there are of
    each; else the last run decides. `before`: runs that did not pass before the count began anew; they are
    shown, and change nothing.
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


def _more_time(state: State) -> State:
    rules = replace(
        state.rules,
        cpu_budget_s=MORE_TIME * state.rules.cpu_budget_s,
        silence_s=MORE_TIME * state.rules.silence_s,
    )
    return replace(state, rules=rules, hang=None, more_time=True)


def _active(state: State, t: float) -> State:
    delay = state.sample.run_delay_s if state.sample else 0.0
    return replace(state, ran=True, active_t=t, active_delay_s=delay)


def _sample(state: State, t: float, sample: Sample) -> State:
    before, rules = state, state.rules
    state = replace(state, sample=sample, sample_t=t)
    if before.active_t <= before.sample_t and _total_bytes(sample) > _total_bytes(before.sample):
        # Bytes that nobody saw: the lane dropped them, but they are a sign of life.
        state = replace(state, active_t=t, active_delay_s=sample.run_delay_s)
    if state.machine_end is not None:
        return state
    if not state.ran:
        late = t > EMULATOR_START_S
        return _infra(state, f"its emulator had not started the guest after {t:.0f} s") if late else state
    if sample.stopped:
        return _infra(state, "the emulator was stopped from outside")
    silent_s, waited_s = t - state.active_t, sample.run_delay_s - state.active_delay_s
    cause = None
    if sample.cpu_s - state.test_cpu_s > rules.cpu_budget_s:
        cause = f"it used up its {rules.cpu_budget_s:g} s of CPU time"
    elif silent_s >= rules.silence_s and waited_s < STARVED * silent_s:
        cause = f"it was silent for {silent_s:.1f} s, of which it waited {waited_s:.1f} s for a processor"
    elif (lived_s := t - state.test_t - (sample.run_delay_s - state.test_delay_s)) > rules.cpu_budget_s:
        cause = _overdue(state, sample, lived_s)
    if cause is None or state.hang is not None:
        return state
    more = ", in more time than it has, since it was at work" if state.more_time else ""
    return replace(state, hang=f"{cause} ({progress(state)}){more}")


def _overdue(state: State, sample: Sample, lived_s: float) -> str | None:
    """Why a guest has lived too long, not counting what it waited for a processor; None when it may go on."""
    budget_s, written = state.rules.cpu_budget_s, _total_bytes(sample) - state.test_bytes
    if written > FLOOD_BYTES:
        return f"it was still running after {budget_s:g} s, and had written {written // 2**20} MiB"
    if lived_s > LIFE_FACTOR * budget_s:
        return f"it was still running after {LIFE_FACTOR * budget_s:g} s"
    return None


def _total_bytes(sample: Sample | None) -> int:
    return sample.serial_bytes + sample.channel_bytes if sample else 0


def _qmp(state: State, t: float, event: QmpEvent) -> State:
    if event.name == "RESUME":
        return _active(state, t)
    if event.name != "SHUTDOWN" or state.machine_end is not None:
        return state
    reason = str(event.data.get("reason", "unknown"))
    state = replace(state, machine_end=reason)
    if event.data.get("guest") is True:
        return state
    return _infra(state, f"the emulator was ended from outside ({reason})")


def _infra(state: State, cause: str) -> State:
    return replace(state, infra=state.infra or cause)


def _exit(state: State, event: Exit) -> State:
    state = replace(state, exit=event)
    if event.asked or state.machine_end is not None:
        return state
    if event.signal in OUTSIDE:
        return _infra(state, f"the emulator was killed from outside (signal {event.signal})")
    if not state.ran:
        how = f"signal {event.signal}" if event.signal else f"status {event.status}"
        return _infra(state, f"the emulator ended with {how} before the guest ran{_emulator_says(state)}")
    return state


def _emulator_says(state: State) -> str:
    return f": {state.emulator_says.strip()}" if state.emulator_says.strip() else ""


def _crash(state: State) -> str | None:
    """Why the machine's end was not in order; None when it was."""
    end = state.exit
    if end is None:
        return None
    if state.machine_end is None:
        how = f"died of signal {end.signal}" if end.signal else f"ended with status {end.status}"
        return f"the emulator {how}{_emulator_says(state)} ({progress(state)})"
    if state.shutdown is None:
        claim = f"; its console says {state.console_claim!r}" if state.console_claim else ""
        return f"the guest ended without a word: {state.machine_end} ({progress(state)}){claim}"
    if state.machine_end != "guest-shutdown":
        return f"the guest did not power off: {state.machine_end}"
    if end.status not in (None, state.rules.power_off_status):
        return f"after power-off the emulator ended with status {end.status}{_emulator_says(state)}"
    return None


def _afterwards(state: State) -> str:
    """A remark on an emulator that gave no exit status after its machine's end: not the kernel's doing."""
    end = state.exit
    if end is None or end.signal is None or end.asked or state.machine_end is None:
        return ""
    if end.overdue:
        return "; afterwards the emulator did not end when asked to, and was killed"
    return f"; afterwards the emulator died of signal {end.signal}{_emulator_says(state)}"


def _failed(state: State) -> str | None:
    """Why a run is no pass. The machine's end was in order."""
    if state.rules.kind is RunKind.TESTS:
        return _failed_tests(state, state.plan) if state.plan is not None else NO_PLAN
    if state.plan is not None or state.started or state.ended:
        return f"the kernel was to start {state.rules.program or 'a program'}, and ran tests of its own"
    return _failed_init(state)


def _failed_init(state: State) -> str | None:
    """Why a run with PID 1 is no pass."""
    wanted = state.rules.program
    if state.exec_failure:
        name = errno.errorcode.get(state.exec_failure.errno, f"errno {state.exec_failure.errno}")
        return f"the program cannot be loaded: {state.exec_failure.program}: {name}"
    if not state.init or not state.init_end:
        return "the kernel shut down, but PID 1 never " + ("ended" if state.init else "started")
    if wanted is not None and state.init.program != wanted:
        return f"PID 1 is {state.init.program!r}, not {wanted!r}"
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
    """Why an in-kernel run is no pass."""
    bad = [f"{end.name} {('', 'failed', 'was skipped')[end.status]}" for end in state.ended if end.status]
    bad += [f"{name} did not end" for name in state.started if name not in {end.name for end in state.ended}]
    if bad:
        return f"{len(bad)} of {plan} tests did not end well: {', '.join(bad)}"
    if plan == 0 or plan != len(state.ended):
        return f"{plan} tests were announced, {len(state.ended)} ran"
    if state.shutdown is None or state.shutdown.reason != IN_KERNEL_RUN_FINISHED:
        return "the shutdown record gives another reason than the end of the in-kernel run"
    if state.init_end and state.init_end.status and not state.init_end.survivor:
        return f"PID 1 ({init_name(state)}) {how_it_ended(state.init_end)}"
    return None
