"""Shows which inputs changed: walks the stages of a task without running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from parity.build import cargo_build, disk, uefi
from parity.build.why import Asking, UnknownError
from parity.run import evidence_runner, integration, suite_run
from parity.selftest import canary_run
from parity.spec.decision import ruling_out
from parity.spec.suite import Test
from parity.spec.tree import Tree
from tasks import kernel, kthread, planted_faults, toolchain
from tasks.planted_faults import PlantedFaults
from tasks.session import Session, current, group, task

Walk = Callable[[Asking], object]


def task_why() -> Iterator[Any]:
    """Show which inputs changed since a task last ran here: why:<task>"""
    outputs = [
        task(f"why:{name}", f"what changed since {name} last ran here", why, walks)
        for name, walks in _walks(current()).items()
    ]
    yield from group("why", str(task_why.__doc__), outputs)


def why(walks: Sequence[Walk]) -> None:
    """Walks the stages of a task. Raises MachineError without Docker or a tool image."""
    session = current()
    space = Asking(session.space.root, session.space.cache, session.screen)
    for walk in walks:
        try:
            walk(space)
        except UnknownError:
            continue  # already printed


def _walks(session: Session) -> dict[str, list[Walk]]:
    """By task: functions that walk its stages; several if one that ends early would hide others."""
    tree, archs = session.tree, session.archs
    walks: dict[str, list[Walk]] = {
        f"images:{role}": [partial(_image, role=role)] for role in (*toolchain.ROLES, *toolchain.RARE_ROLES)
    }
    tests = list(session.suite.tests.values())
    for arch in archs:
        kernels = {features: _kernel(tree, arch, features) for features in tree.feature_sets}
        programs: Walk = partial(suite_run.programs, tree=tree, arch=arch)
        full_disk: Walk = partial(_disk, arch=arch)
        base_stages = [kernels[tree.run.features], programs]
        walks |= {kernel.name(arch, features): [walk] for features, walk in kernels.items()}
        walks |= {
            f"userspace:{arch}": [programs],
            f"disk:{arch}": [full_disk],
            f"boot_{arch}": [*base_stages, full_disk],
            f"boot_strict_{arch}": [*base_stages, full_disk],
            f"boot_features_{arch}": [*kernels.values(), full_disk],
            f"test_{arch}": [*base_stages, partial(_tests, arch=arch, tests=tests)],
        }
        if arch in tree.run.uefi:
            walks[f"boot_uefi_{arch}"] = [*base_stages, full_disk, partial(_uefi, arch=arch)]
        walks |= {
            f"test_{arch}:{test.name}": [*base_stages, partial(_tests, arch=arch, tests=[test])]
            for test in tests
        }
        inside = session.integration
        base_stages = [kernels[inside.features], programs]
        walks[f"integration_{arch}"] = [
            *base_stages,
            partial(_inside, arch=arch, names=list(inside.suite.tests)),
        ]
        walks |= {
            f"integration_{arch}:{name}": [*base_stages, partial(_inside, arch=arch, names=[name])]
            for name in inside.suite.tests
        }
        for name, features in (
            ("boot_parallel", tree.run.features),
            ("kthread_parallel", kthread.FEATURES),
            ("kthread_mutants", kthread.MUTANT_FEATURES),
        ):
            if not ruling_out(session.decisions, name, arch):
                walks.setdefault(name, []).extend([kernels[features], full_disk])
        walks.setdefault("parity", []).extend(walks[f"test_{arch}"])
        walks.setdefault("canaries", []).extend([partial(_canaries, arch=arch), full_disk])
        for each in (planted_faults.PROGRAMS, planted_faults.INSIDE, planted_faults.TRACING):
            outputs = [kernels[each.features(session)], programs]
            walks.setdefault(each.task, []).extend([*outputs, partial(_faults, planting=each, arch=arch)])
    return walks


def _kernel(tree: Tree, arch: str, features: str) -> Walk:
    return partial(cargo_build.kernel, tree=tree, arch=arch, feature_set=features)


def _image(space: Asking, role: str) -> None:
    space.image(role)


def _disk(space: Asking, arch: str) -> None:
    tree = current().tree
    disk.whole(space, tree, arch, suite_run.programs(space, tree, arch))


def _uefi(space: Asking, arch: str) -> None:
    tree = current().tree
    uefi.bootable(space, tree, suite_run.built(space, tree, arch))


def _canaries(space: Asking, arch: str) -> None:
    tree = current().tree
    features, _ = canary_run.load(space, tree)
    cargo_build.kernel(space, tree, arch, features)


def _tests(space: Asking, arch: str, tests: Sequence[Test]) -> None:
    session = current()
    tree, outputs = session.tree, suite_run.built(space, session.tree, arch)
    there = [test for test in tests if test.name in outputs.programs]
    images = disk.of_tests(space, tree, session.suite, arch, outputs.programs, there)
    specs = [suite_run.spec(tree, test, outputs, images[test.name]) for test in there]
    runner = session.evidence_runner(space)
    space.compare({evidence_runner.title(spec): runner.inputs(spec) for spec in specs})


def _inside(space: Asking, arch: str, names: Sequence[str]) -> None:
    session = current()
    tests = session.integration
    like = integration.guest(space, session.tree, tests, arch, tests.features)
    runner, specs = session.evidence_runner(space), [integration.single_test(like, name) for name in names]
    space.compare({evidence_runner.title(spec): runner.inputs(spec) for spec in specs})


def _faults(space: Asking, planting: PlantedFaults, arch: str) -> None:
    session = current()
    plan = planting.plan(session, space, arch)
    space.compare(planting.inputs(session, session.evidence_runner(space), plan))
