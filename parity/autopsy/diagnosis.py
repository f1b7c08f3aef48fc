"""The result of an autopsy: a failure kind, a sentence and a signature."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """What was wrong with a guest."""

    DEADLOCK = "deadlock"
    SELF_DEADLOCK = "self-deadlock"
    LOST_WAKE_UP = "lost wake-up"
    LIVELOCK = "livelock"
    INTERRUPTS_OFF = "interrupts off"
    CLOCK_STANDS = "clock stands"
    INTERRUPT_STORM = "interrupt storm"
    STARVED = "starved"
    PANIC = "panic"
    DOUBLE_FAULT = "double fault"
    OUT_OF_MEMORY = "out of memory"
    USER_LOOP = "user loop"
    EMULATOR_STALLED = "emulator stalled"
    NEVER_BOOTED = "never booted"
    SLOW = "slow"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Diagnosis:
    """A failure kind, one sentence, and a signature that guests with the same failure share."""

    kind: FailureKind
    sentence: str
    signature: str

    @classmethod
    def of(cls, kind: FailureKind, sentence: str, *key: str) -> Diagnosis:
        """A diagnosis. `key`: the locations and names that are equal in every run with this failure."""
        return cls(kind, sentence, ": ".join([kind, *(part for part in key if part)]))
