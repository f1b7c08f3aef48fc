"""Tests: a suite per architecture, and one test of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from parity.build import disk
from parity.build.workspace import Workspace
from parity.core.row import Row
from parity.report import log
from parity.run import suite_run
from parity.run.evidence_runner import EvidenceRunner
from parity.run.suite_run import TestRequest
from tasks import kernel, report
from tasks.session import Session, current
from tasks.suite_tasks import SuiteTasks


def task_test() -> Iterator[Any]:
    """Run the suite: test_<architecture>, or one test of it: test_<architecture>:<test>"""
    session = current()
    for arch in session.archs:
        yield from SUITE_TASKS.tasks(
            arch,
            "Run the user programs",
            after=needs(session, arch, f"userspace:{arch}"),
            stages={name: [disk.title(name, arch), f"test {name} {arch}"] for name in session.suite.tests},
            logs=lambda test: test,
        )


def needs(session: Session, arch: str, programs: str, features: str | None = None) -> list[str]:
    """What guests are made of; a plan needs nothing. `programs`: the task that makes them, or a disk.

    `features`: None for the suite's kernel.
    """
    built = [kernel.name(arch, features or session.tree.run.features), programs, "images:qemu"]
    return [] if session.settings.plan else built


def rows(session: Session, arch: str) -> list[Row]:
    """The suite's; all that a command asks of any architecture runs in one pool, for the first task."""
    if arch not in session.accumulated.rows:
        settings, of_suite = session.settings, (runner(session), session.tree, session.suite)
        chosen = partial(SUITE_TASKS.chosen, session)
        asked = session.together(arch, lambda each: bool(chosen(each)), partial(_asked, session))
        ran = suite_run.run(*of_suite, asked, fresh=settings.fresh, lanes=settings.lanes)
        found = report.update(
            session,
            lambda: [
                row for each in asked for row in suite_run.rows(*of_suite, asked[each].outputs, ran[each])
            ],
        )
        session.accumulated.rows.update({each: [row for row in found if row.arch == each] for each in asked})
    return session.accumulated.rows[arch]


def _asked(session: Session, arch: str) -> TestRequest:
    chosen = SUITE_TASKS.chosen(session, arch)
    return suite_run.asked(session.space, session.tree, session.suite, arch, chosen)


def runner(session: Session, space: Workspace | None = None) -> EvidenceRunner:
    """What finds evidence for this command, and adds to it; `space`: None for the session's."""
    return EvidenceRunner(space or session.space, session.tree.panic_patterns, log.render)


# Of parity and compare all tests are the subject too.
SUITE_TASKS = SuiteTasks(
    "test", report.RESULTS, lambda session: session.suite, rows, whole=("parity", "compare")
)
