"""The step that builds and runs the guests of all architectures of a command, for all tasks that need them.

One hidden task per suite, `_guests_SUITE`, runs the guests of every architecture that the command asks for in
one pool of lanes, so that no lane is idle while another architecture's guest waits. The tasks of the suite
name it as their setup task: doit runs it once, after the builds that the first of them depends on, also with
`doit run --single`. The tasks then read its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from doit.task import Task

from parity.core.errors import BuildError, InfraError
from parity.core.row import Row
from tasks.session import BatchResult, Session, current, task

Plan = TypeVar("Plan")
"""What the guests of one architecture are made of."""


@dataclass(frozen=True)
class Batch(Generic[Plan]):
    """The batch step of one suite.

    `suite`: the prefix of the suite's tasks. `asked`: whether the command asks for guests of an architecture.
    `plan` builds or restores what these guests need, and raises BuildError. `run` runs the guests of all
    plans, given by architecture, and returns rows by architecture and name.
    """

    suite: str
    asked: Callable[[Session, str], bool]
    plan: Callable[[Session, str], Plan]
    run: Callable[[Session, Mapping[str, Plan]], Mapping[str, Mapping[str, Row]]]

    @property
    def name(self) -> str:
        """The name of the hidden task; doit lists no task whose name begins with `_`."""
        return f"_guests_{self.suite}"

    def task(self) -> Task:
        """The hidden task."""
        doc = f"Build and run the guests of {self.suite} on all architectures that the command asks for"
        return task(self.name, doc, self.execute, after=["images"])

    def execute(self) -> None:
        """Stores the rows of each architecture, or the error that an architecture ends with.

        A BuildError is not raised: the guests of the other architectures run, and the task of the
        architecture reports it. Any other error concerns all architectures, and is raised.
        """
        session, plans, errors = current(), dict[str, Plan](), dict[str, BaseException]()
        rows: Mapping[str, Mapping[str, Row]] = {}
        archs = [arch for arch in session.archs if self.asked(session, arch)]
        try:
            for arch in archs:
                try:
                    plans[arch] = self.plan(session, arch)
                except BuildError as error:
                    errors[arch] = error
            rows = self.run(session, plans) if plans else {}
        except Exception as error:
            errors |= dict.fromkeys(archs, error)
            raise
        finally:
            session.accumulated.batches[self.suite] = BatchResult(rows, errors)

    def rows(self, session: Session, arch: str) -> Mapping[str, Row]:
        """The rows of an architecture, by name.

        Raises:
            BuildError: the architecture does not build.
            InfraError: the step has not run for this architecture.
            Exception: the error that the step ended with; a command prints the same error once.
        """
        result = session.accumulated.batches.get(self.suite, BatchResult())
        if arch in result.errors:
            raise result.errors[arch]
        if arch not in result.rows:
            raise InfraError(f"no guest of {self.suite} has run on {arch}")
        return result.rows[arch]
