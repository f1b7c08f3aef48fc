"""Tests: a suite per architecture, and one test of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.build import disk
from parity.run.suite_run import ProgramSuite
from tasks import kernel, report
from tasks.session import Session, current
from tasks.suite_tasks import SuiteTasks


def task_test() -> Iterator[Any]:
    """Run the suite: test_<architecture>, or one test of it: test_<architecture>:<test>"""
    session = current()
    yield SUITE_TASKS.batch.task()
    for arch in session.archs:
        yield from SUITE_TASKS.tasks(
            arch,
            "Run the user programs",
            after=needs(session, arch, f"userspace:{arch}"),
            stages={name: [disk.title(name, arch), f"test {name} {arch}"] for name in session.suite.tests},
            logs=lambda test: test,
        )


def needs(session: Session, arch: str, programs: str, features: str | None = None) -> list[str]:
    """The tasks that build what guests need; none for plan=1.

    `programs`: the task that builds the programs or a disk. `features`: None for the suite's kernel.
    """
    built = [kernel.name(arch, features or session.tree.run.features), programs, "images:qemu"]
    return [] if session.settings.plan else built


SUITE_TASKS = SuiteTasks(
    "test",
    report.RESULTS,
    lambda session: ProgramSuite(session.tree, session.suite),
    whole=("parity", "compare"),  # both are about all tests of the suite
)
