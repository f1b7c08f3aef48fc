"""Integration tests inside the kernel, and the faults that they must catch."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from parity import disk, integration, planted
from parity.evidence import Evidence
from parity.gather import title
from parity.integration import SUITE
from parity.machine import RunSpec
from parity.matrix import Row
from parity.planted import Catches
from parity.selection import failed_last
from parity.verdict import Verdict
from tasks import judged, kernel, report
from tasks.session import Session, current, task
from tasks.suite import gatherer

FAULTS = "planted_faults_integration"


def task_integration() -> Iterator[Any]:
    """Run the tests inside the kernel: integration_<architecture>, or one of them, integration_<…>:<test>"""
    session = current()
    for arch in session.archs:
        stages = {name: f"test {SUITE}:{name} {arch}" for name in session.integration.suite.tests}
        outputs = [f"logs/{arch}/{SUITE}-*.log", f"report/{SUITE}.json"]
        after = _needs(session, arch, session.integration.features)
        yield task(
            f"{SUITE}_{arch}",
            f"Run the tests inside the kernel on {arch}",
            suite,
            arch,
            after=after,
            stages=[disk.title(SUITE, arch), *stages.values()],
            outputs=outputs,
        )
        for name, stage in stages.items():
            yield task(
                f"{SUITE}_{arch}:{name}",
                f"{name} on {arch}",
                one,
                arch,
                name,
                after=after,
                stages=[stage],
                outputs=outputs,
            )


def task_planted_faults_integration() -> Any:
    """Plant faults in the kernel; every test inside it must turn red under at least one"""
    session = current()
    needs = [
        need for arch in session.archs for need in _needs(session, arch, session.integration.faulty_features)
    ]
    return task(FAULTS, str(task_planted_faults_integration.__doc__), faults, after=needs, stages=[FAULTS])


def _needs(session: Session, arch: str, features: str) -> list[str]:
    built = [kernel.name(arch, features), f"userspace:{arch}", "images:qemu"]
    return [] if session.settings.plan else built


def suite(arch: str) -> bool:
    """Runs what has no evidence yet and shows all; whether every row is as expected."""
    session = current()
    if session.settings.plan:
        return _plan(session, arch)
    rows = _run(session, arch)
    report.show(rows)
    return report.as_expected(session, rows)


def one(arch: str, name: str) -> bool:
    """Runs one test, with the others that the command names; whether its row is as expected."""
    session = current()
    if session.settings.plan:
        return _plan(session, arch)
    rows = [row for row in _run(session, arch) if row.name == name]
    report.show_some(rows)
    return report.as_expected(session, rows)


def _plan(session: Session, arch: str) -> bool:
    for name in _chosen(session, arch):
        session.screen.note(f"{name} {arch} expected {Verdict.PASS}")
    return True


def _run(session: Session, arch: str) -> list[Row]:
    """All that the command asks of any architecture, in one pool and once, whichever task comes first."""
    tests, found = session.integration, session.integration_rows
    if arch not in found:
        make = partial(_guest, session, tests.features)
        likes = session.together(arch, lambda each: bool(_chosen(session, each)), make)
        now = _gather(session, likes)
        space = gatherer(session)
        rows = report.update(
            session,
            lambda: [
                row for each, like in likes.items() for row in integration.rows(space, tests, like, now[each])
            ],
            report.INTEGRATION,
        )
        found.update({each: [row for row in rows if row.arch == each] for each in likes})
    return found[arch]


def _guest(session: Session, features: str, arch: str) -> RunSpec:
    return integration.guest(session.space, session.tree, session.integration, arch, features)


def _gather(session: Session, likes: dict[str, RunSpec]) -> dict[str, dict[str, Evidence]]:
    """Runs what has to run; what was seen, by architecture and test."""
    space, tests, settings = gatherer(session), session.integration, session.settings
    now: dict[str, dict[str, Evidence]] = {arch: {} for arch in likes}
    wanted = {}
    for arch, like in likes.items():
        guests = {integration.own(like, name): name for name in _chosen(session, arch)}
        wanted[like] = [guests[spec] for spec in space.wanted(list(guests), fresh=settings.fresh)]
    count = sum(map(len, wanted.values()))
    if count:
        with session.screen.tests(count) as view:

            def on_done(like: RunSpec, name: str, seen: Evidence) -> None:
                now[like.arch][name] = seen
                own = integration.own(like, name)
                if seen.verdict != Verdict.INFRA:
                    session.space.history.remember(title(own), space.inputs(own))
                view.finished(integration.row(space, tests, like, name, seen))

            integration.run(space, tests, wanted, lanes=settings.lanes, on_done=on_done, fresh=settings.fresh)
    return now


def _chosen(session: Session, arch: str) -> list[str]:
    """The tests of an architecture that the command names and its variables select, in the list's order."""
    tests = list(session.integration.suite.tests.values())
    whole = any(fnmatchcase(f"{SUITE}_{arch}", word) for word in session.selected)
    named = {
        test.name
        for test in tests
        if any(fnmatchcase(f"{SUITE}_{arch}:{test.name}", word) for word in session.selected)
    }
    if whole:
        failed = failed_last(report.earlier(session, report.INTEGRATION), arch)
        named |= {test.name for test in session.settings.selection.choose(tests, failed)}
    return [test.name for test in tests if test.name in named]


def faults() -> bool:
    """Runs the tests under every planted fault; whether every test catches one."""
    session = current()
    tests = session.integration
    chosen = [test.name for test in session.settings.selection.choose(list(tests.suite.tests.values()), ())]
    likes = {arch: _guest(session, tests.faulty_features, arch) for arch in session.archs}
    plans = {
        (arch, fault): planted.spec(like, fault)
        for arch, like in likes.items()
        for fault in (planted.CONTROL, *tests.faults)
    }
    verdicts = _verdicts(session, list(plans.values()), chosen)
    every = len(chosen) == len(tests.suite.tests)
    good = True
    for arch in session.archs:
        own = {
            (fault, name): verdicts[like, name]
            for (each, fault), like in plans.items()
            if each == arch
            for name in chosen
        }
        good &= judged.all_caught(session, arch, Catches(own), every=every)
    return good


def _verdicts(session: Session, likes: list[RunSpec], names: list[str]) -> dict[tuple[RunSpec, str], str]:
    """What came of every test in every guest; what is known counts, unless fresh=1 or it was forgotten."""
    space, tests = gatherer(session), session.integration
    fresh = session.settings.fresh or session.space.history.forgotten(FAULTS)
    verdicts = {}
    if not fresh:
        for like in likes:
            for name in names:
                if found := space.known(integration.own(like, name)):
                    verdicts[like, name] = found.verdict
    wanted = {like: [name for name in names if (like, name) not in verdicts] for like in likes}
    count = len(likes) * len(names)
    if len(verdicts) < count:
        with session.screen.stage(f"{count - len(verdicts)} tests with planted faults"):

            def on_done(like: RunSpec, name: str, found: Evidence) -> None:
                verdicts[like, name] = found.verdict
                session.screen.say(f"{len(verdicts)} of {count}")

            integration.run(space, tests, wanted, lanes=session.settings.lanes, on_done=on_done)
    session.space.history.remember(FAULTS, {"tests": count})
    return verdicts
