"""A suite on an architecture, from a tree to rows: build, gather evidence, hold it against the suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from parity import build, disk, machine, matrix
from parity.errors import BuildError
from parity.evidence import Evidence
from parity.gather import Gatherer, title
from parity.machine import Machine, RunKind, RunSpec
from parity.matrix import Row
from parity.runner import Use
from parity.store import Digest
from parity.suite import CPU_BUDGET_S, SILENCE_S, Suite, Test
from parity.tree import Tree
from parity.verdict import Verdict
from parity.workspace import Workspace


@dataclass(frozen=True)
class Built:
    """All that guests of one architecture are made of, but for their disks."""

    arch: str
    features: str  # the kernel's feature set
    kernel: Digest
    programs: Mapping[str, Digest]  # as loaded: what is on disks
    machine: Machine
    firmware: Digest | None = None  # of a machine that has one
    kind: RunKind = RunKind.PROGRAM  # what its guests are to do


@dataclass(frozen=True)
class Asked:
    """Tests of one architecture, and all that their guests are made of."""

    made: Built
    tests: Sequence[Test]


def built(space: Workspace, tree: Tree, arch: str, features: str | None = None) -> Built:
    """Kernel and programs of an architecture, built or restored; `features`: None for the suite's.

    Raises:
        UserError: the machine profile is not as it should be.
        BuildError, MachineError: as the stages say.
    """
    found = profile(space, tree, arch)
    features = features or tree.run.features
    kernel = build.kernel(space, tree, arch, features)
    return Built(arch, features, kernel.elf, programs(space, tree, arch), found)


def programs(space: Workspace, tree: Tree, arch: str) -> dict[str, Digest]:
    """The programs of an architecture as loaded, built or restored; raises as `built`."""
    loaded = disk.as_loaded(space, arch, build.programs(space, tree, arch))
    disk.check(tree, loaded)
    return loaded


def profile(space: Workspace, tree: Tree, arch: str) -> Machine:
    """The machine that guests of an architecture run on; raises UserError when it is not as it should be."""
    return machine.load(space.root / "machines" / f"{tree.run.machines[arch]}.yaml")


def spec(tree: Tree, test: Test, made: Built, image: Digest) -> RunSpec:
    """The guest that runs one test: the same kernel for all, the command line chooses the program."""
    firmware_s = made.machine.uefi.silence_s if made.machine.uefi else 0.0
    ends_as = machine.program_of(command_line(tree, test.ends_as)) if test.ends_as else None
    return RunSpec(
        test=test.name,
        arch=made.arch,
        kernel=made.kernel,
        disk=image,
        machine=made.machine,
        cmdline=command_line(tree, test.name),
        cpu_budget_s=test.cpu_budget_s.get(made.arch, CPU_BUDGET_S),
        silence_s=test.silence_s.get(made.arch, SILENCE_S) + firmware_s,
        firmware=made.firmware,
        kind=made.kind,
        ends_as=ends_as,
    )


def command_line(tree: Tree, program: str) -> str:
    """The kernel's, for PID 1 to be this program."""
    return tree.run.command_line.format(program=program)


def complete(suite: Suite, made: Built) -> None:
    """Complains about a listed program that was not built: a suite never shrinks in silence.

    Raises:
        BuildError: naming the programs.
    """
    listed = [
        name
        for test in suite.tests.values()
        if test.expected[made.arch] is not Verdict.MISSING
        for name in (test.name, *test.needs, test.ends_as or test.name)
    ]
    gone = dict.fromkeys(name for name in listed if name not in made.programs)
    if gone:
        raise BuildError(
            f"{made.arch}: the suite lists {', '.join(gone)}, but the build made no such program",
            hint="write it, or say `expected: missing` and why in the suite",
        )


def asked(space: Workspace, tree: Tree, suite: Suite, arch: str, tests: Sequence[Test]) -> Asked:
    """These tests, ready to run; raises as `built` and `complete`."""
    made = built(space, tree, arch)
    complete(suite, made)
    return Asked(made, tests)


def run(
    gatherer: Gatherer,
    tree: Tree,
    suite: Suite,
    wanted: Mapping[str, Asked],
    *,
    fresh: bool,
    lanes: int,
) -> dict[str, dict[str, Evidence]]:
    """Runs, over one pool of lanes, what needs it of the tests wanted of every architecture.

    Disks are made, and read, for the tests that run and no other. Returns what was seen, by architecture and
    test.
    """
    space = gatherer.space
    plans = [_plan(gatherer, tree, suite, asked, fresh=fresh) for asked in wanted.values()]
    specs = {own: runs for plan in plans for own, runs in plan.items()}
    ran: dict[str, dict[str, Evidence]] = {arch: {} for arch in wanted}
    if todo := [own for own, runs in specs.items() if runs]:
        with space.screen.tests(len(todo)) as view:

            def on_done(done: RunSpec, seen: Evidence) -> None:
                ran[done.arch][done.test] = seen
                if seen.verdict != Verdict.INFRA:
                    space.history.remember(title(done), gatherer.inputs(done))
                test, made = suite.tests[done.test], wanted[done.arch].made
                view.finished(_row(gatherer, test, made, _seen(gatherer, done, seen)))

            gatherer.run(todo, lanes=lanes, fresh=fresh, on_done=on_done)
    for own in (own for own, runs in specs.items() if not runs):
        space.history.remember(title(own), gatherer.inputs(own))
    return ran


def _plan(gatherer: Gatherer, tree: Tree, suite: Suite, asked: Asked, *, fresh: bool) -> dict[RunSpec, bool]:
    """The guests of one architecture, and whether each has to run."""
    made, space = asked.made, gatherer.space
    disks = disk.known(space, tree, suite, made.arch, made.programs)
    chosen = [test for test in asked.tests if test.name in made.programs]
    unseen = [
        test
        for test in chosen
        if test.name not in disks or gatherer.wanted([spec(tree, test, made, disks[test.name])], fresh=fresh)
    ]
    disks |= disk.of_tests(space, tree, suite, made.arch, made.programs, unseen)
    wanted = gatherer.wanted([spec(tree, test, made, disks[test.name]) for test in unseen], fresh=fresh)
    return {(own := spec(tree, test, made, disks[test.name])): own in wanted for test in chosen}


def rows(gatherer: Gatherer, tree: Tree, suite: Suite, made: Built, ran: Mapping[str, Evidence]) -> list[Row]:
    """The rows of the whole suite on this architecture: what is known now, by whichever command.

    `ran` is what this one has seen.
    """
    disks = disk.known(gatherer.space, tree, suite, made.arch, made.programs)
    specs = {name: spec(tree, suite.tests[name], made, image) for name, image in disks.items()}
    return [
        _row(gatherer, test, made, _seen(gatherer, specs.get(test.name), ran.get(test.name)))
        for test in suite.tests.values()
    ]


def _seen(gatherer: Gatherer, own: RunSpec | None, now: Evidence | None) -> Evidence | None:
    """What is known of a test under today's key, or that this command could not find out."""
    if now and now.verdict == Verdict.INFRA:
        return now
    return gatherer.known(own) if own else None


def boots(
    gatherer: Gatherer,
    tree: Tree,
    wanted: Sequence[Built],
    *,
    lanes: int,
    disks: Mapping[str, Digest] = MappingProxyType({}),
) -> tuple[list[Row], Use]:
    """Boots each of `wanted`, whatever is known; a row per boot, in the order of their ends.

    Expected is the end that the feature set must come to. `disks`: by architecture, an image other than the
    one with all its programs.

    Raises:
        BuildError: there is no such program.
    """
    programs = {made.arch: made.programs for made in wanted}
    images = {
        arch: disks.get(arch) or disk.whole(gatherer.space, tree, arch, found)
        for arch, found in programs.items()
    }
    guests: dict[RunSpec, tuple[Test, Built]] = {}
    specs: list[RunSpec] = []
    for made in wanted:
        expected = tree.feature_sets[made.features].expected[made.arch]
        test = Test(tree.run.boot_program, "boot", {made.arch: expected}, None)
        complete(Suite("boot", {test.name: test}), made)
        specs.append(spec(tree, test, made, images[made.arch]))
        guests[specs[-1]] = test, made
    rows: list[Row] = []
    with gatherer.space.screen.tests(len(specs)) as view:

        def on_done(done: RunSpec, seen: Evidence) -> None:
            rows.append(_row(gatherer, *guests[done], seen))
            view.finished(rows[-1])

        use = gatherer.run(specs, lanes=lanes, on_done=on_done)
    return rows, use


def _row(gatherer: Gatherer, test: Test, made: Built, seen: Evidence | None) -> Row:
    log = gatherer.log(seen) if seen else None
    return matrix.row(test, made.arch, made.features, seen, built=test.name in made.programs, log=log)
