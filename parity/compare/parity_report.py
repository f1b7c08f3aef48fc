"""Compares all architectures of a tree: collects builds, inventories, rows and tasks."""

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

INTEGRATION = "boot_tests"  # the feature set of the kernel with the integration tests


@dataclass(frozen=True)
class ArchBuild:
    """The builds of one architecture. `integration`: the kernel with the integration tests."""

    outputs: BuildOutputs
    integration: Digest


def build_arch(space: Workspace, tree: Tree, arch: str) -> ArchBuild:
    """Builds or restores an architecture; raises as `suite_run.built`."""
    outputs = suite_run.built(space, tree, arch)
    features = INTEGRATION if INTEGRATION in tree.feature_sets else outputs.features
    return ArchBuild(outputs, cargo_build.kernel(space, tree, arch, features).elf)


def report(
    runner: EvidenceRunner,
    tree: Tree,
    suite: Suite,
    document: Document,
    found: Mapping[str, ArchBuild | None],
    rows: Sequence[Row],
    tasks: Mapping[str, Sequence[str]],
    decisions: Sequence[Decision],
) -> ParityReport:
    """Compares all architectures. `found` has None for one that does not build; only its tasks are known.

    `tasks`: by architecture, the names of the tasks that run its guests.

    Raises:
        BuildError: a kernel's inventory cannot be read.
    """
    counted: dict[str, dict[str, Names | None]] = {kind: {} for kind in coverage.COUNTED}
    around: dict[str, GuestEnvironment | None] = {}
    for arch, one in found.items():
        around[arch] = _environment(runner, tree, suite, one.outputs) if one else None
        kinds = _counted(runner.space, one, rows) if one else dict.fromkeys(coverage.COUNTED)
        for kind, names in {**kinds, "task": dict.fromkeys(tasks[arch], "")}.items():
            counted[kind][arch] = names
    archs = list(found)
    dimensions = coverage.dimensions(document, counted, len(suite.tests))
    return ParityReport(
        archs, arch_diff.pairs(rows, archs), dimensions, machine_diff.difference(around), decisions
    )


def _counted(space: Workspace, one: ArchBuild, rows: Sequence[Row]) -> dict[str, Names | None]:
    """The names of one architecture, by kind."""
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


def _environment(runner: EvidenceRunner, tree: Tree, suite: Suite, outputs: BuildOutputs) -> GuestEnvironment:
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
    return machine_diff.guest_environment(guests, facts)
