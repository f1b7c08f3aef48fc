"""Tests: a suite per architecture, and one test of it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from parity import disk, harness
from parity.gather import Gatherer
from parity.harness import Asked
from parity.matrix import Row
from parity.selection import failed_last
from parity.suite import Test
from parity.workspace import Workspace
from tasks import kernel, report
from tasks.session import Session, current, task

WHOLE = ("parity", "compare")  # tasks that are about all tests too


def task_test() -> Iterator[Any]:
    """Run the suite: test_<architecture>, or one test of it: test_<architecture>:<test>"""
    session = current()
    for arch in session.archs:
        after = needs(session, arch, f"userspace:{arch}")
        stages = {name: [disk.title(name, arch), f"test {name} {arch}"] for name in session.suite.tests}
        yield task(
            f"test_{arch}",
            f"Run the user programs on {arch}",
            suite,
            arch,
            after=after,
            stages=[stage for both in stages.values() for stage in both],
            outputs=[f"logs/{arch}/{name}-*.log" for name in stages],
            guests=[arch],
        )
        for name, both in stages.items():
            yield task(
                f"test_{arch}:{name}",
                f"{name} on {arch}",
                one,
                arch,
                name,
                after=after,
                stages=both,
                outputs=[f"logs/{arch}/{name}-*.log"],
            )


def needs(session: Session, arch: str, programs: str) -> list[str]:
    """What guests are made of; a plan needs nothing. `programs`: the task that makes them, or a disk."""
    built = [kernel.name(arch, session.tree.run.features), programs, "images:qemu"]
    return [] if session.settings.plan else built


def suite(arch: str) -> bool:
    """Runs what has no evidence yet and shows all; whether every row is as expected."""
    session = current()
    if session.settings.plan:
        return plan(session, arch)
    found = rows(session, arch)
    report.show(found)
    return report.as_expected(session, found)


def one(arch: str, name: str) -> bool:
    """Runs one test, with the others that the command names; whether its row is as expected."""
    session = current()
    if session.settings.plan:
        return plan(session, arch)
    found = [row for row in rows(session, arch) if row.name == name]
    report.show_some(found)
    return report.as_expected(session, found)


def plan(session: Session, arch: str) -> bool:
    """Lists what the command selects; nothing is built, nothing runs."""
    for test in _chosen(session, arch):
        session.screen.note(f"{test.name} {arch} expected {test.expected[arch]}")
    return True


def rows(session: Session, arch: str) -> list[Row]:
    """The suite's; all that a command asks of any architecture runs in one pool, for the first task."""
    if arch not in session.rows:
        settings, of_suite = session.settings, (gatherer(session), session.tree, session.suite)
        asked = session.together(arch, lambda each: bool(_chosen(session, each)), partial(_asked, session))
        ran = harness.run(*of_suite, asked, fresh=settings.fresh, lanes=settings.lanes)
        found = report.update(
            session,
            lambda: [row for each in asked for row in harness.rows(*of_suite, asked[each].made, ran[each])],
        )
        session.rows.update({each: [row for row in found if row.arch == each] for each in asked})
    return session.rows[arch]


def _asked(session: Session, arch: str) -> Asked:
    return harness.asked(session.space, session.tree, session.suite, arch, _chosen(session, arch))


def gatherer(session: Session, space: Workspace | None = None) -> Gatherer:
    """What finds evidence for this command, and adds to it; `space`: None for the session's."""
    return Gatherer(space or session.space, session.tree.panic_patterns)


def _chosen(session: Session, arch: str) -> list[Test]:
    """The tests of an architecture that the command names and its variables select, in the suite's order."""
    words = session.selected
    tests = list(session.suite.tests.values())
    whole = any(fnmatchcase(f"test_{arch}", word) for word in words) or any(map(session.names, WHOLE))
    named = [test for test in tests if any(fnmatchcase(f"test_{arch}:{test.name}", word) for word in words)]
    failed = failed_last(report.earlier(session), arch)
    selected = session.settings.selection.choose(tests, failed)
    return [test for test in tests if test in named or (whole and test in selected)]
