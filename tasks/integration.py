"""The tasks of the integration tests, which run inside the kernel, many in one guest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.build import disk
from parity.run.integration import SUITE, KernelSuite
from tasks import report
from tasks.session import current
from tasks.suite import needs
from tasks.suite_tasks import SuiteTasks


def task_integration() -> Iterator[Any]:
    """Run the tests inside the kernel: integration_<architecture>, or one of them, integration_<…>:<test>"""
    session = current()
    yield SUITE_TASKS.batch.task()
    for arch in session.archs:
        yield from SUITE_TASKS.tasks(
            arch,
            "Run the tests inside the kernel",
            after=needs(session, arch, f"userspace:{arch}", session.integration.features),
            stages={name: [f"test {SUITE}:{name} {arch}"] for name in session.integration.suite.tests},
            logs=lambda _: SUITE,
            common=[disk.title(SUITE, arch)],
        )


SUITE_TASKS = SuiteTasks(
    SUITE, report.INTEGRATION, lambda session: KernelSuite(session.tree, session.integration)
)
