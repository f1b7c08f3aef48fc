"""The judge is judged by canaries, the tests by faults planted in the kernel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from parity import canary, disk, harness, planted
from parity.canary import Canary, KilledFromOutside
from parity.evidence import Evidence
from parity.gather import Gatherer
from parity.lane import DockerLane, Lane
from parity.machine import RunSpec
from parity.planted import Catches
from parity.report import judged
from parity.suite import Test
from parity.verdict import Verdict
from parity.workspace import Workspace
from tasks import suite
from tasks.session import Session, current, task

CANARIES = Path("suites", "canaries.yaml")
FAULTS = "planted_faults"  # the feature set of the kernel that faults are planted in


def task_canaries() -> Any:
    """Run guests built to deceive; each must earn exactly its verdict"""
    return task("canaries", str(task_canaries.__doc__), canaries, after=["images"], guests=current().archs)


def task_planted_faults() -> Any:
    """Plant faults in the kernel; every test must turn red under at least one"""
    return task(
        FAULTS,
        str(task_planted_faults.__doc__),
        faults,
        after=["images"],
        stages=[title(test.name, arch) for arch in current().archs for test in _passing(current(), arch)],
        guests=current().archs,
    )


def canaries() -> bool:
    """Runs all canaries on every architecture; whether each earned its verdict."""
    session = current()
    features, flock = canary.load(session.space.root / CANARIES, session.tree.archs)
    seen = _seen(session, [_like(session, arch, features) for arch in session.archs], flock)
    good = True
    for arch in session.archs:
        own = {each.name: seen[arch, each.name] for each in flock}
        session.screen.console.print(judged.canaries(flock, own))
        wrong = canary.off_diagonal(flock, own)
        earned = len(flock) - len(wrong)
        session.screen.note(f"{arch}: {earned} of {len(flock)} canaries earned their verdict")
        good &= not wrong
    return good


def _like(session: Session, arch: str, features: str) -> RunSpec:
    made = harness.built(session.space, session.tree, arch, features)
    image = disk.whole(session.space, session.tree, arch, made.programs)
    return harness.spec(session.tree, Test("canary", "canary", {arch: Verdict.PASS}, None), made, image)


def _seen(
    session: Session, likes: Sequence[RunSpec], flock: Sequence[Canary]
) -> dict[tuple[str, str], Evidence]:
    """What came of every canary on every architecture."""
    gatherer = suite.gatherer(session)
    seen: dict[tuple[str, str], Evidence] = {}

    def disturb(lane: DockerLane) -> Lane:
        return KilledFromOutside(lane, session.space.engine)

    for killed in (False, True):
        specs = [each.spec(like) for like in likes for each in flock if each.kill is killed]
        if specs:
            with session.screen.stage(f"{len(specs)} canaries"):
                gatherer.run(
                    specs,
                    lanes=session.settings.lanes,
                    on_done=lambda done, found: seen.update({(done.arch, done.test): found}),
                    disturb=disturb if killed else lambda lane: lane,
                )
    return seen


def faults() -> bool:
    """Runs the tests that pass under every planted fault; whether every test catches one."""
    session = current()
    plans = {arch: plan(session, session.space, arch) for arch in session.archs}
    found = verdicts(session, [spec for each in plans.values() for spec in each.values()])
    for each, made in inputs(session, suite.gatherer(session), *plans.values()).items():
        session.space.history.remember(each, made)
    good = True
    for arch, specs in plans.items():
        catches = Catches({key: found[spec] for key, spec in specs.items()})
        every = len(_chosen(session, arch)) == len(_passing(session, arch))
        good &= all_caught(session, arch, catches, every=every)
    return good


def all_caught(session: Session, arch: str, catches: Catches, *, every: bool) -> bool:
    """Shows which tests catch which faults; whether all do what they must. `every`: no test was left out."""
    session.screen.console.print(judged.faults(catches))
    uncaught = catches.uncaught() if every else []  # some tests need not catch every fault
    for complaint, names in (
        ("tests that fail without any fault", catches.control_failures()),
        ("faults that no test catches", uncaught),
        ("tests that no fault turns red", catches.toothless()),
    ):
        if names:
            session.screen.note(f"{arch}: {complaint}: {', '.join(names)}", "red")
    return not (catches.control_failures() or uncaught or catches.toothless())


def _passing(session: Session, arch: str) -> list[Test]:
    return [test for test in session.suite.tests.values() if test.expected[arch] is Verdict.PASS]


def _chosen(session: Session, arch: str) -> list[Test]:
    return session.settings.selection.choose(_passing(session, arch), ())


def plan(session: Session, space: Workspace, arch: str) -> dict[tuple[str, str], RunSpec]:
    """The guests of an architecture, by fault and test."""
    tree, chosen = session.tree, _chosen(session, arch)
    made = harness.built(space, tree, arch, FAULTS)
    images = disk.of_tests(space, tree, session.suite, arch, made.programs, chosen)
    tests = [harness.spec(tree, test, made, images[test.name]) for test in chosen]
    return planted.specs(tests, tree.planted_faults)


def title(test: str, arch: str) -> str:
    """What the user reads of a test under all faults."""
    return f"{FAULTS} {test} {arch}"


def inputs(
    session: Session, gatherer: Gatherer, *plans: Mapping[tuple[str, str], RunSpec]
) -> dict[str, dict[str, Any]]:
    """What the catches of tests depend on, by the tests' titles."""
    controls = [spec for each in plans for spec in planted.controls(each)]
    faults = list(session.tree.planted_faults)
    return {title(spec.test, spec.arch): {**gatherer.inputs(spec), "faults": faults} for spec in controls}


def verdicts(session: Session, specs: Collection[RunSpec]) -> dict[RunSpec, str]:
    """What came of every guest; a known verdict counts, unless fresh=1 or its test was forgotten."""
    gatherer, history = suite.gatherer(session), session.space.history
    known = {} if session.settings.fresh else {spec: gatherer.known(spec) for spec in specs}
    found = {
        spec: seen.verdict
        for spec, seen in known.items()
        if seen is not None and not history.forgotten(title(spec.test, spec.arch))
    }
    wanted = [spec for spec in specs if spec not in found]
    if wanted:
        with session.screen.stage(f"{len(wanted)} guests with planted faults"):

            def on_done(done: RunSpec, seen: Evidence) -> None:
                found[done] = seen.verdict
                session.screen.say(f"{len(found)} of {len(specs)}")

            gatherer.run(wanted, lanes=session.settings.lanes, on_done=on_done)
    return found
