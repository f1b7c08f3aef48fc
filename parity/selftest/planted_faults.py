"""Planted faults: deliberate mistakes in the kernel that its tests must detect.

A fault is detected if a test fails under it. A test that fails under no fault proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from parity.judge.verdict import Verdict
from parity.spec.machine import RunSpec

CONTROL = ""  # no fault: under the same kernel, all tests must pass


@dataclass(frozen=True)
class FaultResults:
    """The verdicts of tests under planted faults, by fault and test; the fault "" is the control."""

    verdicts: Mapping[tuple[str, str], str]

    def by_fault(self) -> dict[str, list[str]]:
        """The tests that fail under each fault, without the control."""
        faults = dict.fromkeys(fault for fault, _ in self.verdicts if fault != CONTROL)
        return {fault: [test for (other, test) in self._failed() if other == fault] for fault in faults}

    def tests(self) -> list[str]:
        """All tests that ran."""
        return list(dict.fromkeys(test for _, test in self.verdicts))

    def undetected(self) -> list[str]:
        """Faults under which no test fails."""
        return [fault for fault, tests in self.by_fault().items() if not tests]

    def detecting_nothing(self) -> list[str]:
        """Tests that fail under no fault."""
        failed = {test for fault, test in self._failed() if fault != CONTROL}
        return [test for test in self.tests() if test not in failed]

    def control_failures(self) -> list[str]:
        """Tests that fail without any fault: their failures under faults mean nothing."""
        return [test for fault, test in self._failed() if fault == CONTROL]

    def _failed(self) -> list[tuple[str, str]]:
        return [key for key, verdict in self.verdicts.items() if verdict != Verdict.PASS]


def spec(like: RunSpec, fault: str) -> RunSpec:
    """The guest `like` with a planted fault; for the control, `like` itself."""
    return replace(like, cmdline=f"{like.cmdline} fault={fault}") if fault != CONTROL else like


def controls(guests: Mapping[tuple[str, str], RunSpec]) -> list[RunSpec]:
    """The guests without a fault; `guests` are by fault and test."""
    return [spec for (fault, _), spec in guests.items() if fault == CONTROL]


def specs(tests: Sequence[RunSpec], faults: Sequence[str]) -> dict[tuple[str, str], RunSpec]:
    """A guest for each test under the control and under each fault."""
    return {(fault, test.test): spec(test, fault) for fault in (CONTROL, *faults) for test in tests}
