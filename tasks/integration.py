"""Integration tests: inside the kernel, many in one guest."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from parity.build import disk
from parity.core.row import Row
from parity.run import integration
from parity.run.integration import SUITE
from tasks import report
from tasks.session import Session, current
from tasks.suite import needs, runner
from tasks.suite_tasks import SuiteTasks


def task_integration() -> Iterator[Any]:
    """Run the tests inside the kernel: integration_<architecture>, or one of them, integration_<…>:<test>"""
    session = current()
    for arch in session.archs:
        yield from SUITE_TASKS.tasks(
            arch,
            "Run the tests inside the kernel",
            after=needs(session, arch, f"userspace:{arch}", session.integration.features),
            stages={name: [f"test {SUITE}:{name} {arch}"] for name in session.integration.suite.tests},
            logs=lambda _: SUITE,
            common=[disk.title(SUITE, arch)],
        )


def rows(session: Session, arch: str) -> list[Row]:
    """The suite's; all that a command asks of any architecture runs in one pool, for the first task."""
    if arch not in session.accumulated.integration_rows:
        tests, settings, space = session.integration, session.settings, runner(session)
        chosen = partial(SUITE_TASKS.chosen, session)
        likes = session.together(
            arch,
            lambda each: bool(chosen(each)),
            lambda each: integration.guest(session.space, session.tree, tests, each, tests.features),
        )
        asked = [
            integration.single_test(like, test.name) for each, like in likes.items() for test in chosen(each)
        ]
        ran = integration.run(space, tests, asked, fresh=settings.fresh, lanes=settings.lanes)
        found = report.update(
            session,
            lambda: [row for like in likes.values() for row in integration.rows(space, tests, like, ran)],
            report.INTEGRATION,
        )
        session.accumulated.integration_rows.update(
            {each: [row for row in found if row.arch == each] for each in likes}
        )
    return session.accumulated.integration_rows[arch]


SUITE_TASKS = SuiteTasks(SUITE, report.INTEGRATION, lambda session: session.integration.suite, rows)
