"""Faults planted in the kernel, and the tests that catch them: a test that none turns red proves nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from parity.judge.verdict import Verdict
from parity.spec.machine import RunSpec

CONTROL = ""  # no fault: the same kernel must pass everything


@dataclass(frozen=True)
class MutationResult:
    """What came of every planted fault. `verdicts`: by fault and test; the fault "" is the control."""

    verdicts: Mapping[tuple[str, str], str]

    def by_fault(self) -> dict[str, list[str]]:
        """The tests that each fault turns red, the control left out."""
        faults = dict.fromkeys(fault for fault, _ in self.verdicts if fault != CONTROL)
        return {fault: [test for (other, test) in self._red() if other == fault] for fault in faults}

    def tests(self) -> list[str]:
        """All that were run."""
        return list(dict.fromkeys(test for _, test in self.verdicts))

    def uncaught(self) -> list[str]:
        """Faults that no test turned red under."""
        return [fault for fault, tests in self.by_fault().items() if not tests]

    def killing_nothing(self) -> list[str]:
        """Tests that no fault turns red."""
        red = {test for fault, test in self._red() if fault != CONTROL}
        return [test for test in self.tests() if test not in red]

    def control_failures(self) -> list[str]:
        """Tests that fail without any fault: then red means nothing."""
        return [test for fault, test in self._red() if fault == CONTROL]

    def _red(self) -> list[tuple[str, str]]:
        return [key for key, verdict in self.verdicts.items() if verdict != Verdict.PASS]


def spec(like: RunSpec, fault: str) -> RunSpec:
    """The guest `like`, with a fault planted; the control is the guest as it is."""
    return replace(like, cmdline=f"{like.cmdline} fault={fault}") if fault != CONTROL else like


def controls(guests: Mapping[tuple[str, str], RunSpec]) -> list[RunSpec]:
    """Those without a fault, of guests by fault and test."""
    return [spec for (fault, _), spec in guests.items() if fault == CONTROL]


def specs(tests: Sequence[RunSpec], faults: Sequence[str]) -> dict[tuple[str, str], RunSpec]:
    """Every test under the control and under every fault."""
    return {(fault, test.test): spec(test, fault) for fault in (CONTROL, *faults) for test in tests}
