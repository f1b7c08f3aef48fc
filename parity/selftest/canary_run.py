"""Builds and runs the canaries of a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from parity.build import disk
from parity.build.workspace import Workspace
from parity.guest.lane import DockerLane, Lane
from parity.judge.verdict import Verdict
from parity.run import suite_run
from parity.run.evidence_runner import EvidenceRunner
from parity.selftest import canary
from parity.selftest.canary import Canary, FromOutside, Seen
from parity.spec.machine import RunSpec
from parity.spec.suite import Test
from parity.spec.tree import Tree

PLACE = Path("suites", "canaries.yaml")


def load(space: Workspace, tree: Tree) -> tuple[str, list[Canary]]:
    """The feature set of their kernel, and the canaries; raises UserError."""
    return canary.load(space.root / PLACE, tree.archs)


def like(space: Workspace, tree: Tree, arch: str, features: str) -> RunSpec:
    """The run spec that the canaries of an architecture share, built or restored; raises as the stages do."""
    outputs = suite_run.built(space, tree, arch, features)
    image = disk.whole(space, tree, arch, outputs.programs)
    return suite_run.spec(tree, Test("canary", "canary", {arch: Verdict.PASS}, None), outputs, image)


def run(
    runner: EvidenceRunner, likes: Sequence[RunSpec], all_canaries: Sequence[Canary], *, lanes: int
) -> Seen:
    """Runs every canary on every architecture; returns the evidence, by architecture and then by canary.

    Raises:
        MachineError: Docker does not work, or the disk is full.
    """
    engine, screen = runner.space.engine, runner.space.screen
    seen = {}

    for signal in dict.fromkeys(each.signal for each in all_canaries):
        specs = [each.spec(like) for like in likes for each in all_canaries if each.signal == signal]

        def disturb(lane: DockerLane, signal: str | None = signal) -> Lane:
            return FromOutside(lane, engine, signal) if signal else lane

        with screen.stage(f"{len(specs)} canaries"):
            runner.run(
                specs,
                lanes=lanes,
                on_done=lambda done, found: seen.update({(done.arch, done.test): found}),
                disturb=disturb,
            )
    return {(like.arch, each.name): seen[like.arch, each.name] for like in likes for each in all_canaries}
