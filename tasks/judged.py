"""The judge is judged by canaries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parity import canary, disk, harness
from parity.canary import Canary, KilledFromOutside
from parity.evidence import Evidence
from parity.lane import DockerLane, Lane
from parity.machine import RunSpec
from parity.report import judged
from parity.suite import Test
from parity.verdict import Verdict
from tasks import suite
from tasks.session import Session, current, task

CANARIES = Path("suites", "canaries.yaml")


def task_canaries() -> Any:
    """Run guests built to deceive; each must earn exactly its verdict"""
    return task("canaries", str(task_canaries.__doc__), canaries, after=["images"], guests=current().archs)


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
