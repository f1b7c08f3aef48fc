"""The judge is judged by canaries, the tests by faults planted in the kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from parity import canary, disk, flock, harness, planted
from parity.canary import Canary, Seen
from parity.errors import InfraError, UserError
from parity.evidence import Evidence
from parity.gather import Gatherer
from parity.machine import RunSpec
from parity.planted import Catches
from parity.report import judged, marked
from parity.report.grid import Grid
from parity.suite import Test
from parity.verdict import Verdict
from parity.workspace import Workspace
from tasks import suite
from tasks.session import Session, current, task

README = "canaries:readme"
FAULTS = "planted_faults"  # the feature set of the kernel that faults are planted in


def task_canaries() -> Iterator[Any]:
    """Run guests built to deceive; each must earn exactly its verdict"""
    doc, guests = str(task_canaries.__doc__), current().archs
    yield task("canaries", doc, canaries, after=["images"], guests=guests)
    yield task(README, "Write the confusion matrix into README.md", readme, after=["images"], guests=guests)


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
    birds, seen = _run(session)
    print_ = session.screen.console.print
    print_(judged.canaries(birds, seen, session.archs))
    for matrix in _matrices(birds, seen):
        print_(matrix.terminal())
    for line in judged.unearned(birds, seen):
        session.screen.note(line, "red")
    wrong = len(canary.unearned(birds, seen))
    session.screen.note(f"{len(seen) - wrong} of {len(seen)} canaries earned their verdict")
    return not wrong


def readme() -> bool:
    """Runs them, and puts the confusion matrix between README's two marks; whether all is as it must be.

    Raises:
        UserError: the marks are not there, or only one architecture is wanted.
    """
    session = current()
    if session.archs != session.tree.archs:
        raise UserError("README has all architectures: leave arch= out")
    birds, seen = _run(session)
    matrices = [matrix.markdown() for matrix in _matrices(birds, seen)]
    marked.write(session.space.root / "README.md", README, matrices)
    return not canary.unearned(birds, seen)


def _matrices(birds: Sequence[Canary], seen: Seen) -> list[Grid]:
    matrices = {"verdict": canary.verdicts(birds, seen), "word": canary.words(birds, seen)}
    return [judged.confusion(matrix, what) for what, matrix in matrices.items()]


def _run(session: Session) -> tuple[list[Canary], Seen]:
    """The canaries, and what came of them."""
    space, tree = session.space, session.tree
    features, birds = flock.load(space, tree)
    likes = [flock.like(space, tree, arch, features) for arch in session.archs]
    return birds, flock.run(suite.gatherer(session), likes, birds, lanes=session.settings.lanes)


def faults() -> bool:
    """Runs the tests that pass under every planted fault; whether every test catches one."""
    session = current()
    plans = {arch: plan(session, session.space, arch) for arch in session.archs}
    verdicts = _verdicts(session, [spec for each in plans.values() for spec in each.values()])
    for each, found in inputs(session, suite.gatherer(session), *plans.values()).items():
        session.space.history.remember(each, found)
    good = True
    for arch, specs in plans.items():
        catches = Catches({key: verdicts[spec] for key, spec in specs.items()})
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


def _verdicts(session: Session, specs: Collection[RunSpec]) -> dict[RunSpec, str]:
    """What came of every guest; a known verdict counts, unless fresh=1 or its test was forgotten.

    Raises:
        InfraError: a guest could not be judged, which must not pass for a test turned red.
    """
    gatherer, history = suite.gatherer(session), session.space.history
    known = {} if session.settings.fresh else {spec: gatherer.known(spec) for spec in specs}
    verdicts = {
        spec: found.verdict
        for spec, found in known.items()
        if found is not None and not history.forgotten(title(spec.test, spec.arch))
    }
    wanted = [spec for spec in specs if spec not in verdicts]
    lost: list[str] = []
    if wanted:
        with session.screen.stage(f"{len(wanted)} guests with planted faults"):

            def on_done(done: RunSpec, found: Evidence) -> None:
                if found.verdict == Verdict.INFRA:
                    lost.append(f"{done.test} on {done.arch}: {found.cause}")
                verdicts[done] = found.verdict
                session.screen.say(f"{len(verdicts)} of {len(specs)}")

            gatherer.run(wanted, lanes=session.settings.lanes, on_done=on_done)
    if lost:
        raise InfraError(lost[0])
    return verdicts
