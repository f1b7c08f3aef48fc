"""The tasks of a suite: all tests of an architecture, or one test; and the tests that a command selects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from doit.task import Task

from parity.core.row import Row
from parity.run import plan
from parity.run.plan import Plan, SuiteGuests
from parity.spec.selection import can_run, failed_last, require
from parity.spec.suite import Test
from tasks import report
from tasks.batch import Batch
from tasks.session import Session, current, task


@dataclass(frozen=True)
class SuiteTasks:
    """The tasks of one suite: PREFIX_<architecture> and PREFIX_<architecture>:<test>.

    `file`: the report file that holds its rows. `guests`: how its tests become guests. `whole`: other tasks
    that run all of its tests.
    """

    prefix: str
    file: str
    guests: Callable[[Session], SuiteGuests]
    whole: tuple[str, ...] = ()

    @property
    def batch(self) -> Batch[Plan]:
        """The step that runs the guests of all architectures of a command."""
        return Batch(self.prefix, self._asks, self._plan, self._run)

    def tasks(
        self,
        arch: str,
        doc: str,
        *,
        after: Sequence[str],
        stages: Mapping[str, Sequence[str]],
        logs: Callable[[str], str],
        common: Sequence[str] = (),
    ) -> Iterator[Task]:
        """The tasks of an architecture.

        `stages`: by test, the titles of its stored results; `common`: those that all tests share. `logs`: by
        test, the beginning of the names of its logs.

        Raises:
            UserError: the command's variables select none of these tests.
        """
        self.chosen(current(), arch)  # reports a mistake before anything runs
        setup = self.setup(current())
        name = f"{self.prefix}_{arch}"
        outputs = {test: f"logs/{arch}/{logs(test)}-*.log" for test in stages}
        yield task(
            name,
            f"{doc} on {arch}",
            self.all,
            arch,
            after=after,
            setup=setup,
            stages=[*common, *(stage for each in stages.values() for stage in each)],
            outputs=list(dict.fromkeys(outputs.values())),
            guests=[arch],
        )
        for test, own_stages in stages.items():
            yield task(
                f"{name}:{test}",
                f"{test} on {arch}",
                self.one,
                arch,
                test,
                after=after,
                setup=setup,
                stages=own_stages,
                outputs=[outputs[test]],
            )

    def all(self, arch: str) -> bool:
        """Shows the rows of all tests; whether every row is as expected."""
        session = current()
        if session.settings.plan:
            return self.plan(session, arch)
        if not self.chosen(session, arch):
            session.screen.note(f"last_failed=1: nothing to run on {arch}")
            return True
        found = self.rows(session, arch)
        report.show(found)
        return report.as_expected(session, found, self.asked(session, found))

    def one(self, arch: str, name: str) -> bool:
        """Shows the row of one test; whether it is as expected."""
        session = current()
        if session.settings.plan:
            return self.plan(session, arch)
        found = [row for row in self.rows(session, arch) if row.name == name]
        report.show_some(found)
        return report.as_expected(session, found)

    def plan(self, session: Session, arch: str) -> bool:
        """Lists the selected tests; builds and runs nothing."""
        chosen = self.chosen(session, arch)
        for test in chosen:
            session.screen.note(f"{test.name} {arch} expected {test.expected[arch]}")
        able = len(can_run(chosen, arch))
        session.screen.note(f"{able} of {len(chosen)} can run on {arch}; this is a plan: nothing has run")
        return True

    def plan_all(self, session: Session) -> bool:
        """Lists the selected tests of all architectures of the command."""
        return all(self.plan(session, arch) for arch in session.archs)

    def setup(self, session: Session) -> list[str]:
        """The setup tasks of a task that reads the rows: the batch step; none for plan=1."""
        return [] if session.settings.plan else [self.batch.name]

    def rows(self, session: Session, arch: str) -> list[Row]:
        """The rows of all tests on an architecture, once the batch step has run; raises as `Batch.rows`."""
        return list(self.batch.rows(session, arch).values())

    def _asks(self, session: Session, arch: str) -> bool:
        return bool(self.chosen(session, arch)) or any(map(session.names, self.whole))

    def _plan(self, session: Session, arch: str) -> Plan:
        chosen, fresh = self.chosen(session, arch), session.settings.fresh
        return self.guests(session).plan(session.evidence_runner(), arch, chosen, fresh=fresh)

    def _run(self, session: Session, plans: Mapping[str, Plan]) -> dict[str, dict[str, Row]]:
        """Runs the guests that must run, and writes the reports."""
        of_suite, settings, evidence = self.guests(session), session.settings, session.evidence_runner()
        results = plan.run(
            evidence, of_suite, list(plans.values()), fresh=settings.fresh, lanes=settings.lanes
        )

        def known() -> list[Row]:
            return [row for each in plans.values() for row in plan.rows(evidence, of_suite, each, results)]

        found: dict[str, dict[str, Row]] = {arch: {} for arch in plans}
        for row in report.update(session, known, self.file):
            found[row.arch][row.name] = row
        return found

    def asked(self, session: Session, rows: Sequence[Row]) -> list[Row]:
        """The rows of the tests that the command selects."""
        names = {arch: {test.name for test in self.chosen(session, arch)} for arch in session.archs}
        return [row for row in rows if row.name in names[row.arch]]

    def chosen(self, session: Session, arch: str) -> list[Test]:
        """The tests that the command names and its variables select, in the suite's order.

        Raises:
            UserError: none of them can run. With last_failed=1 there may be none, if other tests failed last.
        """
        words, name = session.selected, f"{self.prefix}_{arch}"
        tests = list(self.guests(session).suite.tests.values())
        named = [test for test in tests if any(fnmatchcase(f"{name}:{test.name}", word) for word in words)]
        if any(fnmatchcase(name, word) for word in words) or any(map(session.names, self.whole)):
            named += self._selected(session, arch, tests)
        elif named:
            require(named, arch)
        return [test for test in tests if test in named]

    def _selected(self, session: Session, arch: str, tests: Sequence[Test]) -> list[Test]:
        selection, failed = session.settings.selection, failed_last(_earlier(session, self.file), arch)
        if selection.last_failed and not failed and self._failed_elsewhere(session):
            return []
        return selection.choose(tests, arch, failed)

    def _failed_elsewhere(self, session: Session) -> bool:
        """Whether a test failed last on any architecture and in any suite of the command."""
        return any(
            failed_last(_earlier(session, file), arch)
            for prefix, file in report.SUITES.items()
            for arch in session.archs
            if any(map(session.names, (f"{prefix}_{arch}", *(self.whole if prefix == self.prefix else ()))))
        )


def _earlier(session: Session, file: str) -> list[Row]:
    """The last results, read once: those of the command itself do not change what it selects."""
    found = session.accumulated.earlier
    if file not in found:
        found[file] = report.earlier(session, file)
    return found[file]
