"""The judge is judged by canaries, the tests by faults planted in the kernel."""

from __future__ import annotations

from collections.abc import Sequence
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
from tasks import suite
from tasks.session import Session, current, task

CANARIES = Path("suites", "canaries.yaml")
FAULTS = "planted_faults"  # the feature set of the kernel that faults are planted in


def task_canaries() -> Any:
    """Run guests built to deceive; each must earn exactly its verdict"""
    return task("canaries", str(task_canaries.__doc__), canaries, after=["images"])


def task_planted_faults() -> Any:
    """Plant faults in the kernel; every test must turn red under at least one"""
    return task(FAULTS, str(task_planted_faults.__doc__), faults, after=["images"], stages=[FAULTS])


def canaries() -> bool:
    """Runs all canaries on every architecture; whether each earned its verdict."""
    session = current()
    features, flock = canary.load(session.space.root / CANARIES, session.tree.archs)
    wrong = [arch for arch in session.archs if not _canaries(session, arch, features, flock)]
    return not wrong


def _canaries(session: Session, arch: str, features: str, flock: Sequence[Canary]) -> bool:
    made = harness.built(session.space, session.tree, arch, features)
    image = disk.whole(session.space, session.tree, arch, made.programs)
    like = harness.spec(session.tree, Test("canary", "canary", {arch: Verdict.PASS}, None), made, image)
    gatherer = suite.gatherer(session)
    seen: dict[str, Evidence] = {}

    def disturb(lane: DockerLane) -> Lane:
        return KilledFromOutside(lane, session.space.engine)

    for killed in (False, True):
        specs = [each.spec(like) for each in flock if each.kill is killed]
        if specs:
            with session.screen.stage(f"{len(specs)} canaries"):
                gatherer.run(
                    specs,
                    lanes=session.settings.lanes,
                    on_done=lambda done, found: seen.update({done.test: found}),
                    disturb=disturb if killed else lambda lane: lane,
                )
    session.screen.console.print(judged.canaries(flock, seen))
    wrong = canary.off_diagonal(flock, seen)
    session.screen.note(f"{arch}: {len(flock) - len(wrong)} of {len(flock)} canaries earned their verdict")
    return not wrong


def faults() -> bool:
    """Runs the tests that pass under every planted fault; whether every test catches one."""
    session = current()
    wrong = [arch for arch in session.archs if not _faults(session, arch)]
    return not wrong


def _faults(session: Session, arch: str) -> bool:
    tree, tested = session.tree, session.suite
    made = harness.built(session.space, tree, arch, FAULTS)
    passing = [test for test in tested.tests.values() if test.expected[arch] is Verdict.PASS]
    chosen = session.settings.selection.choose(passing, ())
    images = disk.of_tests(session.space, tree, tested, arch, made.programs, chosen)
    tests = [harness.spec(tree, test, made, images[test.name]) for test in chosen]
    specs = planted.specs(tests, tree.planted_faults)
    catches = Catches(_verdicts(session, suite.gatherer(session), specs))
    session.screen.console.print(judged.faults(catches))
    uncaught = catches.uncaught() if chosen == passing else []  # some tests need not catch every fault
    for complaint, names in (
        ("tests that fail without any fault", catches.control_failures()),
        ("faults that no test catches", uncaught),
        ("tests that no fault turns red", catches.toothless()),
    ):
        if names:
            session.screen.note(f"{arch}: {complaint}: {', '.join(names)}", "red")
    return not (catches.control_failures() or uncaught or catches.toothless())


def _verdicts(
    session: Session, gatherer: Gatherer, specs: dict[tuple[str, str], RunSpec]
) -> dict[tuple[str, str], str]:
    """What came of every guest; any verdict that is known counts, unless fresh=1 or it was forgotten."""
    fresh = session.settings.fresh or session.space.history.forgotten(FAULTS)
    known = {key: None if fresh else gatherer.known(spec) for key, spec in specs.items()}
    verdicts = {spec: found.verdict for key, spec in specs.items() if (found := known[key]) is not None}
    wanted = [spec for key, spec in specs.items() if known[key] is None]
    if wanted:
        with session.screen.stage(f"{len(wanted)} guests with planted faults"):

            def on_done(done: RunSpec, found: Evidence) -> None:
                verdicts[done] = found.verdict
                session.screen.say(f"{len(verdicts)} of {len(specs)}")

            gatherer.run(wanted, lanes=session.settings.lanes, on_done=on_done)
    session.space.history.remember(FAULTS, {"guests": len(specs)})
    return {key: verdicts[spec] for key, spec in specs.items()}
