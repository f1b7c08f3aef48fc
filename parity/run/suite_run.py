"""A suite on an architecture, from a tree to rows: build, gather evidence, hold it against the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from parity.build import cargo_build, disk
from parity.build.outputs import BuildOutputs
from parity.build.workspace import Workspace
from parity.core.errors import BuildError, UserError
from parity.core.progress import LaneUse
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.results import matrix
from parity.results.evidence import Evidence
from parity.run.evidence_runner import EvidenceRunner, title
from parity.spec import machine
from parity.spec.machine import Machine, RunSpec
from parity.spec.suite import CPU_BUDGET_S, SILENCE_S, Suite, Test
from parity.spec.tree import Tree
from parity.store.store import Digest


@dataclass(frozen=True)
class TestRequest:
    """Tests of one architecture, and all that their guests are made of."""

    outputs: BuildOutputs
    tests: Sequence[Test]


def built(space: Workspace, tree: Tree, arch: str, features: str | None = None) -> BuildOutputs:
    """Kernel and programs of an architecture, built or restored; `features`: None for the suite's.

    Raises:
        UserError: the machine profile is not as it should be.
        BuildError, MachineError: as the stages say.
    """
    found = profile(space, tree, arch)
    features = features or tree.run.features
    kernel = cargo_build.kernel(space, tree, arch, features)
    return BuildOutputs(arch, features, kernel.elf, programs(space, tree, arch), found)


def programs(space: Workspace, tree: Tree, arch: str) -> dict[str, Digest]:
    """The programs of an architecture as loaded, built or restored; raises as `built`."""
    loaded = disk.as_loaded(space, arch, cargo_build.programs(space, tree, arch))
    disk.check(tree, loaded)
    return loaded


def profile(space: Workspace, tree: Tree, arch: str) -> Machine:
    """The machine that guests of an architecture run on; raises UserError when it is not as it should be."""
    place = space.root / "machines" / f"{tree.run.machines[arch]}.yaml"
    found = machine.load(place)
    if found.arch != arch:
        raise UserError(f"the machine is {found.arch}, and the tree names it for {arch}", file=place, line=1)
    return found


def spec(tree: Tree, test: Test, outputs: BuildOutputs, image: Digest) -> RunSpec:
    """The guest that runs one test: the same kernel for all, the command line chooses the program."""
    firmware_s = outputs.machine.uefi.silence_s if outputs.machine.uefi else 0.0
    ends_as = machine.program_of(tree.command_line(test.ends_as)) if test.ends_as else None
    return RunSpec(
        test=test.name,
        arch=outputs.arch,
        kernel=outputs.kernel,
        disk=image,
        machine=outputs.machine,
        cmdline=tree.command_line(test.name),
        cpu_budget_s=test.cpu_budget_s.get(outputs.arch, CPU_BUDGET_S),
        silence_s=test.silence_s.get(outputs.arch, SILENCE_S) + firmware_s,
        firmware=outputs.firmware,
        kind=outputs.kind,
        ends_as=ends_as,
    )


def complete(suite: Suite, outputs: BuildOutputs) -> None:
    """Complains about a listed program that was not built: a suite never shrinks in silence.

    Raises:
        BuildError: naming the programs.
    """
    listed = [
        name
        for test in suite.tests.values()
        if test.expected[outputs.arch] is not Verdict.MISSING
        for name in (test.name, *test.needs, test.ends_as or test.name)
    ]
    gone = dict.fromkeys(name for name in listed if name not in outputs.programs)
    if gone:
        raise BuildError(
            f"{outputs.arch}: the suite lists {', '.join(gone)}, but the build made no such program",
            hint="write it, or say `expected: missing` and why in the suite",
        )


def asked(space: Workspace, tree: Tree, suite: Suite, arch: str, tests: Sequence[Test]) -> TestRequest:
    """These tests, ready to run; raises as `built` and `complete`."""
    outputs = built(space, tree, arch)
    complete(suite, outputs)
    return TestRequest(outputs, tests)


def run(
    runner: EvidenceRunner,
    tree: Tree,
    suite: Suite,
    wanted: Mapping[str, TestRequest],
    *,
    fresh: bool,
    lanes: int,
) -> dict[str, dict[str, Evidence]]:
    """Runs, over one pool of lanes, what needs it of the tests wanted of every architecture.

    Disks are made, and read, for the tests that run and no other. Returns what was seen, by architecture and
    test.
    """
    space = runner.space
    plans = [_plan(runner, tree, suite, asked, fresh=fresh) for asked in wanted.values()]
    specs = {each_spec: runs for plan in plans for each_spec, runs in plan.items()}
    ran: dict[str, dict[str, Evidence]] = {arch: {} for arch in wanted}
    if todo := [each_spec for each_spec, runs in specs.items() if runs]:
        with space.screen.tests(len(todo)) as view:

            def on_done(done: RunSpec, seen: Evidence) -> None:
                ran[done.arch][done.test] = seen
                if seen.verdict != Verdict.INFRA:
                    space.history.remember(title(done), runner.inputs(done))
                test, outputs = suite.tests[done.test], wanted[done.arch].outputs
                view.finished(_row(runner, test, outputs, _seen(runner, done, seen)))

            runner.run(todo, lanes=lanes, fresh=fresh, on_done=on_done)
    for each_spec in (each_spec for each_spec, runs in specs.items() if not runs):
        space.history.remember(title(each_spec), runner.inputs(each_spec))
    return ran


def _plan(
    runner: EvidenceRunner, tree: Tree, suite: Suite, asked: TestRequest, *, fresh: bool
) -> dict[RunSpec, bool]:
    """The guests of one architecture, and whether each has to run."""
    outputs, space = asked.outputs, runner.space
    disks = disk.known(space, tree, suite, outputs.arch, outputs.programs)
    chosen = [test for test in asked.tests if test.name in outputs.programs]
    unseen = [
        test
        for test in chosen
        if test.name not in disks or runner.wanted([spec(tree, test, outputs, disks[test.name])], fresh=fresh)
    ]
    disks |= disk.of_tests(space, tree, suite, outputs.arch, outputs.programs, unseen)
    wanted = runner.wanted([spec(tree, test, outputs, disks[test.name]) for test in unseen], fresh=fresh)
    return {
        (each_spec := spec(tree, test, outputs, disks[test.name])): each_spec in wanted for test in chosen
    }


def rows(
    runner: EvidenceRunner, tree: Tree, suite: Suite, outputs: BuildOutputs, ran: Mapping[str, Evidence]
) -> list[Row]:
    """The rows of the whole suite on this architecture: what is known now, by whichever command.

    `ran` is what this one has seen.
    """
    disks = disk.known(runner.space, tree, suite, outputs.arch, outputs.programs)
    specs = {name: spec(tree, suite.tests[name], outputs, image) for name, image in disks.items()}
    return [
        _row(runner, test, outputs, _seen(runner, specs.get(test.name), ran.get(test.name)))
        for test in suite.tests.values()
    ]


def _seen(runner: EvidenceRunner, each_spec: RunSpec | None, now: Evidence | None) -> Evidence | None:
    """What is known of a test under today's key, or that this command could not find out."""
    if now and now.verdict == Verdict.INFRA:
        return now
    return runner.known(each_spec) if each_spec else None


def boots(
    runner: EvidenceRunner,
    tree: Tree,
    wanted: Sequence[BuildOutputs],
    *,
    lanes: int,
    disks: Mapping[str, Digest] = MappingProxyType({}),
) -> tuple[list[Row], LaneUse]:
    """Boots each of `wanted`, whatever is known; a row per boot, in the order of their ends.

    Expected is the end that the feature set must come to. `disks`: by architecture, an image other than the
    one with all its programs.

    Raises:
        BuildError: there is no such program.
    """
    programs = {outputs.arch: outputs.programs for outputs in wanted}
    images = {
        arch: disks.get(arch) or disk.whole(runner.space, tree, arch, found)
        for arch, found in programs.items()
    }
    guests: dict[RunSpec, tuple[Test, BuildOutputs]] = {}
    specs: list[RunSpec] = []
    for outputs in wanted:
        expected = tree.feature_sets[outputs.features].expected[outputs.arch]
        test = Test(tree.run.boot_program, "boot", {outputs.arch: expected}, None)
        complete(Suite("boot", {test.name: test}), outputs)
        specs.append(spec(tree, test, outputs, images[outputs.arch]))
        guests[specs[-1]] = test, outputs
    rows: list[Row] = []
    with runner.space.screen.tests(len(specs)) as view:

        def on_done(done: RunSpec, seen: Evidence) -> None:
            rows.append(_row(runner, *guests[done], seen))
            view.finished(rows[-1])

        use = runner.run(specs, lanes=lanes, on_done=on_done)
    return rows, use


def _row(runner: EvidenceRunner, test: Test, outputs: BuildOutputs, seen: Evidence | None) -> Row:
    log = runner.log(seen) if seen else None
    return matrix.row(
        test, outputs.arch, outputs.features, seen, built=test.name in outputs.programs, log=log
    )
