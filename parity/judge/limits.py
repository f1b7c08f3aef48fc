"""The limits of a running guest: how long it may be silent, compute, and run. Pure."""

from __future__ import annotations

from dataclasses import replace

from parity.judge.event import Sample
from parity.judge.state import State, progress

STARVED = 0.3  # from this share of a silence spent waiting for a host CPU on, the host is to blame
LIFE_FACTOR = 6  # ends a guest that sleeps and prints for ever: never silent, and uses no CPU budget
FLOOD_BYTES = 2**21  # of console and channel: while a guest writes, its vCPUs wait and use no CPU time
DEADLINE_FACTOR = 2  # for the limits of a slow guest
EMULATOR_START_S = 60.0  # to the guest's first instruction; a busy disk alone can take 3 s


def sampled(state: State, t: float, sample: Sample) -> State:
    """The state after a sample of the emulator at `t` seconds; a hang if the guest is over a limit."""
    before, rules = state, state.rules
    state = replace(state, sample=sample, sample_t=t)
    if before.active_t <= before.sample_t and total_bytes(sample) > total_bytes(before.sample):
        # The lane dropped these bytes, but they are activity.
        state = replace(state, active_t=t, active_delay_s=sample.run_delay_s)
    if state.machine_end is not None:
        return state
    if not state.ran:
        late = t > EMULATOR_START_S
        return infra(state, f"its emulator had not started the guest after {t:.0f} s") if late else state
    if sample.stopped:
        return infra(state, "the emulator was stopped from outside")
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
    more = ", with its deadline extended because it made progress" if state.deadline_extended else ""
    return replace(state, hang=f"{cause} ({progress(state)}){more}")


def extend(state: State) -> State:
    """Multiplies the limits of a slow guest."""
    rules = replace(
        state.rules,
        cpu_budget_s=DEADLINE_FACTOR * state.rules.cpu_budget_s,
        silence_s=DEADLINE_FACTOR * state.rules.silence_s,
    )
    return replace(state, rules=rules, hang=None, deadline_extended=True)


def active(state: State, t: float) -> State:
    """The state of a guest that did something at `t` seconds."""
    delay = state.sample.run_delay_s if state.sample else 0.0
    return replace(state, ran=True, active_t=t, active_delay_s=delay)


def _overdue(state: State, sample: Sample, lived_s: float) -> str | None:
    """Why a guest ran too long, without its waits for a host CPU; None if it may continue."""
    budget_s, written = state.rules.cpu_budget_s, total_bytes(sample) - state.test_bytes
    if written > FLOOD_BYTES:
        return f"it was still running after {budget_s:g} s, and had written {written // 2**20} MiB"
    if lived_s > LIFE_FACTOR * budget_s:
        return f"it was still running after {LIFE_FACTOR * budget_s:g} s"
    return None


def total_bytes(sample: Sample | None) -> int:
    """The bytes that the guest has written to console and channel."""
    return sample.serial_bytes + sample.channel_bytes if sample else 0


def infra(state: State, cause: str) -> State:
    """The state of a guest that the host, not the kernel, has ended; the first cause counts."""
    return replace(state, infra=state.infra or cause)
