"""From a tree and the rows of its suite to how its architectures stand: everything is looked up here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parity.build import cargo_build, inventory
from parity.build.inventory import Inventory
from parity.build.outputs import BuildOutputs
from parity.build.workspace import Workspace
from parity.compare import arch_diff, coverage, machine_diff
from parity.compare.coverage import Document, Names
from parity.compare.machine_diff import GuestEnvironment
from parity.compare.parity_document import ParityReport
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.run import suite_run
from parity.run.evidence_runner import EvidenceRunner
from parity.spec.decision import Decision
from parity.spec.suite import Suite
from parity.spec.tree import Tree
from parity.store.store import Digest

INTEGRATION = "boot_tests"  # the feature set whose kernel holds the integration tests


@dataclass(frozen=True)
class Side:
    """One architecture, built. `integration`: the kernel that holds its integration tests."""

    outputs: BuildOutputs
    integration: Digest


def side(space: Workspace, tree: Tree, arch: str) -> Side:
    """An architecture, built or restored; raises as `harness.built`."""
    outputs = suite_run.built(space, tree, arch)
    features = INTEGRATION if INTEGRATION in tree.feature_sets else outputs.features
    return Side(outputs, cargo_build.kernel(space, tree, arch, features).elf)


def report(
    runner: EvidenceRunner,
    tree: Tree,
    suite: Suite,
    document: Document,
    found: Mapping[str, Side | None],
    rows: Sequence[Row],
    tasks: Mapping[str, Sequence[str]],
    decisions: Sequence[Decision],
) -> ParityReport:
    """How architectures stand; None for one that does not build, of which nothing is known but its tasks.

    `tasks`: by architecture, the names of those that run guests of it.

    Raises:
        BuildError: a kernel's inventory is none.
    """
    counted: dict[str, dict[str, Names | None]] = {kind: {} for kind in coverage.COUNTED}
    around: dict[str, GuestEnvironment | None] = {}
    for arch, one in found.items():
        around[arch] = _surroundings(runner, tree, suite, one.outputs) if one else None
        kinds = _counted(runner.space, one, rows) if one else dict.fromkeys(coverage.COUNTED)
        for kind, names in {**kinds, "task": dict.fromkeys(tasks[arch], "")}.items():
            counted[kind][arch] = names
    archs = list(found)
    dimensions = coverage.dimensions(document, counted, len(suite.tests))
    return ParityReport(
        archs, arch_diff.pairs(rows, archs), dimensions, machine_diff.difference(around), decisions
    )


def _counted(space: Workspace, one: Side, rows: Sequence[Row]) -> dict[str, Names | None]:
    """What there is on one architecture, by kind."""
    arch, kernel = one.outputs.arch, _inventory(space, one.outputs.kernel)
    passing = [row.name for row in rows if (row.arch, row.verdict) == (arch, Verdict.PASS)]
    return {
        **{kind: _names(kernel, kind) for kind in ("hal", "call", "driver")},
        "test": _names(_inventory(space, one.integration), "test"),
        "program": dict.fromkeys(one.outputs.programs, ""),
        "pass": dict.fromkeys(passing, ""),
    }


def _inventory(space: Workspace, kernel: Digest) -> Inventory | None:
    return inventory.read(space.store.local(kernel))


def _names(found: Inventory | None, kind: str) -> Names | None:
    return None if found is None else found.get(kind, {})


def _surroundings(
    runner: EvidenceRunner, tree: Tree, suite: Suite, outputs: BuildOutputs
) -> GuestEnvironment:
    facts = {
        "host": runner.host,
        "emulator packages": ", ".join(f"{name} {what}" for name, what in sorted(runner.emulator.items())),
        "machine profile": outputs.machine.name,
        "power-off status": str(outputs.machine.power_off_status),
        "kernel's feature set": outputs.features,
        "kernel's Cargo features": ", ".join(tree.feature_sets[outputs.features].features),
        "kernel's target": tree.kernel.targets[outputs.arch],
        "programs' target": tree.programs.targets[outputs.arch],
        "disk, MiB": str(tree.disk.size_mib),
    }
    guests = [suite_run.spec(tree, test, outputs, image="") for test in suite.tests.values()]
    return machine_diff.surroundings(guests, facts)
