"""Observes a guest's machine before the guest is reaped, by a hook: an autopsy, or a dump of a trace.

One thing in a hook's answer has a part in a verdict: `extend_deadline`. The judge acts on it
(`verdict.can_extend_deadline`), once per guest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, Message
from parity.judge import channel, verdict
from parity.judge.serial import Line
from parity.judge.state import State
from parity.spec.machine import RunSpec

# What a kernel says before it switches the machine off in good order.
SHUTDOWNS = tuple(
    channel.encode(channel.SHUTDOWN, bytes([reason]))
    for reason in (verdict.INIT_ENDED, verdict.IN_KERNEL_RUN_FINISHED, verdict.NO_INIT)
)


class Observation(Protocol):
    """What a hook found out about a guest."""

    @property
    def extend_deadline(self) -> bool:
        """Whether the guest was found at work, so that it should have more time."""

    def with_panic(self, panic: str | None) -> Self:
        """The same, if the kernel's words about a panic were complete only when its machine was gone."""


@dataclass(frozen=True)
class Hook:
    """Observes a guest's machine once: when it has ended, or must be ended because the guest counts as hung.

    The time that it takes does not count as the guest's. `bad_only`: orderly ends are not observed, and not
    delayed; a bad end that comes after all may then be too fast, and there is no machine to observe.
    """

    observe: Callable[[Inspector | None, State, tuple[Line, ...]], Observation | None]
    bad_only: bool = False


class GuestObserver:
    """Runs a hook on one guest, which the lane holds for it."""

    def __init__(self, lane: DockerLane, hook: Hook) -> None:
        self.lane = lane
        self._hook, self._paused, self._observed = hook, True, False
        self._extended = False

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """The guest's messages. One that announces its shutdown is let go in the lane itself, at once."""
        return self.lane.run(spec, hold=True, release_on=SHUTDOWNS if self._hook.bad_only else ())

    def poll(self, state: State, lines: Callable[[], tuple[Line, ...]]) -> Observation | None:
        """Calls the hook when it is time to. Releases a guest that has announced its shutdown before the end
        comes, so that the guest need not wait for us."""
        ails = verdict.has_failed(state)
        if state.exit and self._hook.bad_only and ails and not self._observed:
            self._observed = True
            return self._hook.observe(None, state, lines())
        if self._observed or state.exit or self.lets_go_on(state):
            return None
        if self._hook.bad_only and self._paused is not (ails or not state.shutdown):
            self._paused = not self._paused
            (self.lane.hold if self._paused else self.lane.release)()
        over = verdict.reason_to_stop(state) or state.machine_end
        if not over or (self._hook.bad_only and not ails):
            return None
        with Inspector(self.lane) as inspector:
            observation = self._hook.observe(inspector, state, lines())
            if observation and observation.extend_deadline and verdict.can_extend_deadline(state):
                inspector.resume_guest()
                self._extended = True
                return None
        self._observed = True
        return observation

    def lets_go_on(self, state: State) -> bool:
        """Whether a guest that counts as hung is about to have more time."""
        return self._extended and not state.deadline_extended
