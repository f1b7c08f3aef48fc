"""From the tests of a suite to their rows: plan → jobs → results → rows.

A `Plan` names the guest of each test, and the guests that must run. `run` runs these guests for all
architectures over one pool of lanes; its `Results` hold the row of each guest that ended. `rows` adds the
tests that did not run, so that each row is made once in a command.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from parity.build.outputs import BuildOutputs
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.results import matrix
from parity.results.evidence import Evidence
from parity.run.evidence_runner import EvidenceRunner, title
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test

Results = Mapping[RunSpec, Row]
"""The rows of the guests that ended in this command."""


@dataclass(frozen=True)
class Plan:
    """The tests of a suite on one architecture.

    `built`: the tests that have a program. `guests`: by test, its guest; a test whose disk was never made has
    none. `asked`: the tests that the command selects; `to_run`: those of them whose guests must run.
    """

    outputs: BuildOutputs
    built: Collection[str]
    guests: Mapping[str, RunSpec]
    asked: Sequence[str]
    to_run: Sequence[str]

    @property
    def jobs(self) -> list[RunSpec]:
        """The guests that must run."""
        return [self.guests[name] for name in self.to_run]


class SuiteGuests(Protocol):
    """How the tests of one suite become guests."""

    @property
    def suite(self) -> Suite: ...

    def plan(self, runner: EvidenceRunner, arch: str, tests: Sequence[Test], *, fresh: bool) -> Plan:
        """Builds or restores what the guests of these tests need; raises BuildError and MachineError."""

    def guests(self, runner: EvidenceRunner, plan: Plan) -> Mapping[str, RunSpec]:
        """By test, its guest: those that the store knows now, also from another command."""

    def run(
        self,
        runner: EvidenceRunner,
        specs: Sequence[RunSpec],
        *,
        lanes: int,
        on_done: Callable[[RunSpec, Evidence], None],
        fresh: bool,
    ) -> object:
        """Runs guests; calls `on_done` with each as it ends."""


def run(
    runner: EvidenceRunner, tests: SuiteGuests, plans: Sequence[Plan], *, fresh: bool, lanes: int
) -> Results:
    """Runs the guests of all plans over one pool of lanes; raises MachineError."""
    space = runner.space
    jobs = {spec: (plan, name) for plan in plans for name, spec in zip(plan.to_run, plan.jobs, strict=True)}
    results: dict[RunSpec, Row] = {}
    if jobs:
        with space.screen.tests(len(jobs)) as view:

            def on_done(spec: RunSpec, seen: Evidence) -> None:
                lost = seen.verdict == Verdict.INFRA
                if not lost:
                    space.history.remember(title(spec), runner.inputs(spec))
                plan, name = jobs[spec]
                results[spec] = _row(runner, tests.suite, plan, name, seen if lost else runner.known(spec))
                view.finished(results[spec])

            tests.run(runner, list(jobs), lanes=lanes, on_done=on_done, fresh=fresh)
    for spec in (plan.guests[name] for plan in plans for name in plan.asked if name not in plan.to_run):
        space.history.remember(title(spec), runner.inputs(spec))
    return results


def rows(runner: EvidenceRunner, tests: SuiteGuests, plan: Plan, results: Results) -> list[Row]:
    """A row per test of the suite: the one in `results`, or one of what is known now from any command."""
    guests = {**tests.guests(runner, plan), **plan.guests}
    found = []
    for name in tests.suite.tests:
        spec = guests.get(name)
        if spec is None or spec not in results:
            known = runner.known(spec) if spec else None
            found.append(_row(runner, tests.suite, plan, name, known))
        else:
            found.append(results[spec])
    return found


def _row(runner: EvidenceRunner, suite: Suite, plan: Plan, name: str, seen: Evidence | None) -> Row:
    test, outputs, log = suite.tests[name], plan.outputs, runner.log(seen) if seen else None
    return matrix.row(test, outputs.arch, outputs.features, seen, built=name in plan.built, log=log)
