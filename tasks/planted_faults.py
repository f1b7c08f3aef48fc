"""Planted faults: each test must fail under at least one deliberate mistake in the kernel."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from parity.build import disk
from parity.build.workspace import Workspace
from parity.core.errors import InfraError, UserError
from parity.judge.verdict import Verdict
from parity.report import selftest
from parity.run import integration, suite_run
from parity.run.evidence_runner import EvidenceRunner
from parity.selftest import planted_faults
from parity.selftest.planted_faults import CONTROL, FaultResults
from parity.spec import tree as trees
from parity.spec.baseline import INCONCLUSIVE
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test
from tasks.session import Session, current, task
from tasks.trace import programs

Plan = Mapping[tuple[str, str], RunSpec]
"""The guests of an architecture, by fault and test; the fault "" is the control."""


@dataclass(frozen=True)
class PlantedFaults:
    """A suite of tests and the faults that are planted in the kernel for it.

    `features`: the feature set of the faulty kernel; `faults`: the names of the faults; `tests`: the tests
    that pass, by architecture; `guests`: a guest for each of some tests under each fault; `run`: the function
    that runs guests, with the arguments of `EvidenceRunner.run`.
    """

    task: str
    features: Callable[[Session], str]
    faults: Callable[[Session], Sequence[str]]
    tests: Callable[[Session, str], list[Test]]
    guests: Callable[[Session, Workspace, str, Sequence[Test]], Plan]
    run: Callable[[Session, EvidenceRunner], Callable[..., object]]

    def judge(self) -> bool:
        """Runs the selected tests under every planted fault; whether every test detects one."""
        session = current()
        plans = {arch: self.plan(session, session.space, arch) for arch in session.archs}
        verdicts = self._verdicts(session, [spec for each in plans.values() for spec in each.values()])
        for each, found in self.inputs(session, session.evidence_runner(), *plans.values()).items():
            session.space.history.remember(each, found)
        good = True
        for arch, specs in plans.items():
            every = len(self._chosen(session, arch)) == len(self.tests(session, arch))
            results = FaultResults({key: verdicts[spec] for key, spec in specs.items()})
            good &= _reported(session, arch, results, every)
        return good

    def plan(self, session: Session, space: Workspace, arch: str) -> Plan:
        """The guests of the tests that the command's variables select."""
        return self.guests(session, space, arch, self._chosen(session, arch))

    def _chosen(self, session: Session, arch: str) -> list[Test]:
        if session.settings.selection.last_failed:
            raise UserError(f"last_failed=1 is about test_* and integration_*, not {self.task}")
        return session.settings.selection.choose(self.tests(session, arch), arch)

    def titles(self, session: Session) -> list[str]:
        """The tests' names as the user sees them."""
        specs = [(test.name, arch) for arch in session.archs for test in self.tests(session, arch)]
        return [self._title(name, arch) for name, arch in specs]

    def _title(self, test: str, arch: str) -> str:
        return f"{self.task} {test.rpartition(':')[2]} {arch}"

    def inputs(self, session: Session, runner: EvidenceRunner, *plans: Plan) -> dict[str, dict[str, Any]]:
        """What the results of the tests depend on, by the tests' titles."""
        controls = [spec for plan in plans for spec in planted_faults.controls(plan)]
        faults = list(self.faults(session))
        return {
            self._title(spec.test, spec.arch): {**runner.inputs(spec), "faults": faults} for spec in controls
        }

    def _verdicts(self, session: Session, specs: Collection[RunSpec]) -> dict[RunSpec, str]:
        """The verdict of every guest: the stored one, unless fresh=1 is set or its test was forgotten.

        Raises:
            InfraError: a guest got no verdict, which must not count as a detected fault.
        """
        runner, history = session.evidence_runner(), session.space.history
        known = {} if session.settings.fresh else {spec: runner.known(spec) for spec in specs}
        verdicts = {
            spec: found.verdict
            for spec, found in known.items()
            if found is not None
            and found.verdict not in INCONCLUSIVE
            and not history.forgotten(self._title(spec.test, spec.arch))
        }
        wanted = [spec for spec in specs if spec not in verdicts]
        lost: list[str] = []
        if wanted:
            with session.screen.stage(f"{len(wanted)} tests under planted faults"):

                def on_done(done: RunSpec, found: Any) -> None:
                    if found.verdict in INCONCLUSIVE:
                        lost.append(f"{done.test} on {done.arch}: {found.cause}")
                    verdicts[done] = found.verdict
                    session.screen.say(f"{len(verdicts)} of {len(specs)}")

                self.run(session, runner)(wanted, lanes=session.settings.lanes, on_done=on_done)
        if lost:
            raise InfraError(lost[0])
        return verdicts


def _reported(session: Session, arch: str, results: FaultResults, every: bool) -> bool:
    """Prints which tests detect which faults; whether none is missing. `every`: all tests ran."""
    session.screen.console.print(selftest.faults(results))
    violations = {
        "tests that fail without any fault": results.control_failures(),
        # A selection of the tests need not detect every fault.
        "faults that no test detects": results.undetected() if every else [],
        "tests that fail under no fault": results.detecting_nothing(),
    }
    for complaint, names in violations.items():
        if names:
            session.screen.note(f"{arch}: {complaint}: {', '.join(names)}", "red")
    good = not any(violations.values())
    if good:
        faults, tests = len(results.by_fault()), len(results.tests())
        session.screen.note(
            f"{arch}: {faults} planted faults; each of {tests} tests fails under at least one"
        )
    return good


def _guests(
    session: Session,
    space: Workspace,
    arch: str,
    tests: Sequence[Test],
    of_suite: Suite,
    faults: Sequence[str],
) -> Plan:
    tree = session.tree
    outputs = suite_run.built(space, tree, arch, trees.PLANTED_FAULTS)
    images = disk.of_tests(space, tree, of_suite, arch, outputs.programs, tests)
    return planted_faults.specs(
        [suite_run.spec(tree, test, outputs, images[test.name]) for test in tests], faults
    )


def _programs(session: Session, space: Workspace, arch: str, tests: Sequence[Test]) -> Plan:
    return _guests(session, space, arch, tests, session.suite, session.tree.planted_faults)


def _tracing(session: Session, space: Workspace, arch: str, tests: Sequence[Test]) -> Plan:
    of_suite = programs(session)
    return _guests(session, space, arch, tests, of_suite, of_suite.faults)


def _inside(session: Session, space: Workspace, arch: str, tests: Sequence[Test]) -> Plan:
    of_suite = session.integration
    like = integration.guest(space, session.tree, of_suite, arch, of_suite.faulty_features)
    return {
        (fault, test.name): integration.single_test(planted_faults.spec(like, fault), test.name)
        for fault in (CONTROL, *of_suite.faults)
        for test in tests
    }


PROGRAMS = PlantedFaults(
    "planted_faults",
    features=lambda _: trees.PLANTED_FAULTS,
    faults=lambda session: session.tree.planted_faults,
    tests=lambda session, arch: [
        test for test in session.suite.tests.values() if test.expected[arch] is Verdict.PASS
    ],
    guests=_programs,
    run=lambda _, runner: runner.run,
)
INSIDE = PlantedFaults(
    "planted_faults_integration",
    features=lambda session: session.integration.faulty_features,
    faults=lambda session: session.integration.faults,
    tests=lambda session, _: list(session.integration.suite.tests.values()),
    guests=_inside,
    run=lambda session, runner: partial(integration.guests, runner, session.integration),
)
TRACING = PlantedFaults(
    "planted_faults_tracing",
    features=lambda _: trees.PLANTED_FAULTS,
    faults=lambda session: programs(session).faults,
    tests=lambda session, _: list(programs(session).tests.values()),
    guests=_tracing,
    run=lambda _, runner: runner.run,
)


def task_planted_faults() -> Any:
    """Plant faults in the kernel; every test must fail under at least one"""
    return _task(PROGRAMS, task_planted_faults)


def task_planted_faults_integration() -> Any:
    """Plant faults in the kernel; every test inside it must fail under at least one"""
    return _task(INSIDE, task_planted_faults_integration)


def task_planted_faults_tracing() -> Any:
    """Plant faults in tracing and /proc; every program that tests them must fail under at least one"""
    return _task(TRACING, task_planted_faults_tracing)


def _task(faults: PlantedFaults, creator: Callable[[], Any]) -> Any:
    session = current()
    return task(
        faults.task,
        str(creator.__doc__),
        faults.judge,
        after=["images"],
        stages=faults.titles(session),
        guests=session.archs,
    )
