"""Guests of user programs: their build outputs, the suite of their tests, and boots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parity.build import cargo_build, disk
from parity.build.outputs import BuildOutputs
from parity.build.workspace import Workspace
from parity.core.errors import BuildError, UserError
from parity.core.progress import LaneUse
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.results import matrix
from parity.results.evidence import Evidence
from parity.run.evidence_runner import EvidenceRunner
from parity.run.plan import Plan
from parity.spec import machine
from parity.spec.machine import Machine, RunSpec
from parity.spec.suite import CPU_BUDGET_S, SILENCE_S, Suite, Test
from parity.spec.tree import Tree
from parity.store.store import Digest


def built(space: Workspace, tree: Tree, arch: str, features: str | None = None) -> BuildOutputs:
    """Kernel and programs of an architecture, built or restored; `features`: None for the suite's.

    Raises:
        UserError: the machine profile is not valid.
        BuildError, MachineError: from the stages.
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
    """The machine that guests of an architecture run on; raises UserError when it is not valid."""
    place = space.root / "machines" / f"{tree.run.machines[arch]}.yaml"
    found = machine.load(place)
    if found.arch != arch:
        raise UserError(f"the machine is {found.arch}, and the tree names it for {arch}", file=place, line=1)
    return found


def spec(tree: Tree, test: Test, outputs: BuildOutputs, image: Digest) -> RunSpec:
    """The guest that runs one test. All tests have the same kernel; the command line names the program."""
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
    """Checks that the build made all programs of the suite, so that no test is lost without a message.

    Raises:
        BuildError: names the missing programs.
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


@dataclass(frozen=True)
class ProgramSuite:
    """A suite whose tests are user programs: each is PID 1 of its own guest (see `plan.SuiteGuests`)."""

    tree: Tree
    suite: Suite

    def plan(self, runner: EvidenceRunner, arch: str, tests: Sequence[Test], *, fresh: bool) -> Plan:
        """The guests of these tests. Makes the disks, and reads them, of the guests that must run only.

        Raises:
            BuildError, MachineError: as `built` and `complete`; or a disk cannot be made.
        """
        outputs = built(runner.space, self.tree, arch)
        complete(self.suite, outputs)
        known = self._known(runner, outputs)
        asked = [test for test in tests if test.name in outputs.programs]
        unseen = [test for test in asked if _unseen(runner, known.get(test.name), fresh=fresh)]
        images = disk.of_tests(runner.space, self.tree, self.suite, arch, outputs.programs, unseen)
        guests = {test.name: spec(self.tree, test, outputs, images[test.name]) for test in unseen}
        return Plan(
            outputs=outputs,
            built=outputs.programs.keys(),
            guests=known | guests,
            asked=[test.name for test in asked],
            to_run=[name for name, guest in guests.items() if _unseen(runner, guest, fresh=fresh)],
        )

    def guests(self, runner: EvidenceRunner, plan: Plan) -> dict[str, RunSpec]:
        """The guests of all tests whose disk is known now."""
        return self._known(runner, plan.outputs)

    def _known(self, runner: EvidenceRunner, outputs: BuildOutputs) -> dict[str, RunSpec]:
        images = disk.known(runner.space, self.tree, self.suite, outputs.arch, outputs.programs)
        tests = self.suite.tests
        return {name: spec(self.tree, tests[name], outputs, image) for name, image in images.items()}

    def run(
        self,
        runner: EvidenceRunner,
        specs: Sequence[RunSpec],
        *,
        lanes: int,
        on_done: Callable[[RunSpec, Evidence], None],
        fresh: bool,
    ) -> None:
        """Runs guests; raises MachineError."""
        runner.run(specs, lanes=lanes, on_done=on_done, fresh=fresh)


def _unseen(runner: EvidenceRunner, guest: RunSpec | None, *, fresh: bool) -> bool:
    return guest is None or bool(runner.wanted([guest], fresh=fresh))


@dataclass(frozen=True)
class Boot:
    """A guest that boots a kernel, and the end that the kernel's feature set must come to."""

    spec: RunSpec
    test: Test
    features: str


def boot(space: Workspace, tree: Tree, outputs: BuildOutputs, image: Digest | None = None) -> Boot:
    """The guest that boots a kernel to the first user program; `image`: None for the disk of all programs.

    Raises:
        BuildError: there is no such program, or the disk cannot be made.
    """
    expected = tree.feature_sets[outputs.features].expected[outputs.arch]
    test = Test(tree.run.boot_program, "boot", {outputs.arch: expected}, None)
    complete(Suite("boot", {test.name: test}), outputs)
    image = image or disk.whole(space, tree, outputs.arch, outputs.programs)
    return Boot(spec(tree, test, outputs, image), test, outputs.features)


def boots(runner: EvidenceRunner, wanted: Sequence[Boot], *, lanes: int) -> tuple[list[Row], LaneUse]:
    """Boots each of `wanted`, without a cache; a row per boot, in the order in which guests end."""
    guests = {each.spec: each for each in wanted}
    rows: list[Row] = []
    with runner.space.screen.tests(len(wanted)) as view:

        def on_done(done: RunSpec, seen: Evidence) -> None:
            test, features = guests[done].test, guests[done].features
            rows.append(matrix.row(test, done.arch, features, seen, built=True, log=runner.log(seen)))
            view.finished(rows[-1])

        use = runner.run([each.spec for each in wanted], lanes=lanes, on_done=on_done)
    return rows, use
