"""Integration tests: inside the kernel, many in one guest, each with a verdict and evidence of its own.

Keys of `suites/integration.yaml`: `features` (the kernel's feature set), `faulty_features` (the one that
faults are planted in), `planted_faults` (their names, each of which a test must catch), `programs` (those
that tests start: the disk of all guests), `cpu_budget_s` (CPU seconds of one test before its guest counts as
hung) and `tests`, a mapping from test to

    area    group in reports, and the tag to select it by
    ends    for a test that must end the kernel: the verdict that its guest, which it has to itself, comes to
    says    text that this verdict's cause must hold

A kernel is asked for tests by name (`boot_tests=` on its command line). What it links is in its inventory,
and must be what stands here. Evidence of a test counts under the key of the guest that runs it and no other,
wherever it ran: a test that goes by what ran before it shows as flaky.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from parity.build import disk, inventory
from parity.build.outputs import BuildOutputs
from parity.build.workspace import Workspace
from parity.core import yamlfile
from parity.core.errors import BuildError
from parity.core.yamlfile import Model, Name, Seconds
from parity.judge import verdict
from parity.judge.state import RunKind
from parity.judge.verdict import End, Judgement, Verdict
from parity.results.evidence import Evidence
from parity.run import suite_run
from parity.run.evidence_runner import EvidenceRunner, Finding
from parity.run.plan import Plan
from parity.run.runner import Result
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test
from parity.spec.tree import Tree

SUITE = "integration"
# Nothing is there to be PID 1: a kernel that runs no test cannot pass with a program's instead.
COMMAND_LINE = "init=/no/program"
ASKS = " boot_tests="


class IntegrationEntry(Model, frozen=True):
    """What the file says of one test."""

    area: str
    ends: Verdict | None = None  # of one that must end the kernel
    says: str | None = None  # what the cause of that verdict must hold


class IntegrationFile(Model, frozen=True):
    """All integration tests."""

    features: Name
    faulty_features: Name
    planted_faults: tuple[Name, ...]
    programs: tuple[Name, ...]
    cpu_budget_s: Seconds
    tests: Annotated[dict[Name, IntegrationEntry], Meta(min_length=1)]


@dataclass(frozen=True)
class Integration:
    """All integration tests; `ends` has those that must end the kernel."""

    features: str
    faulty_features: str
    faults: tuple[str, ...]
    programs: tuple[str, ...]
    cpu_budget_s: float
    suite: Suite
    ends: Mapping[str, End]


def load(path: Path, tree: Tree) -> Integration:
    """Reads the integration tests.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    file = yamlfile.load(path, IntegrationFile)
    given, ends = file.value, {}
    for key, features in (("features", given.features), ("faulty_features", given.faulty_features)):
        file.word("feature set", features, tree.feature_sets, key)
    for name, test in given.tests.items():
        if (test.ends is None) is not (test.says is None):
            raise file.error(f"{name}: ends and says belong together", "tests", name)
        if test.ends is not None and test.says is not None:
            ends[name] = End(test.ends, test.says)
    passes = dict.fromkeys(tree.archs, Verdict.PASS)
    return Integration(
        features=given.features,
        faulty_features=given.faulty_features,
        faults=file.once(given.planted_faults, "planted_faults"),
        programs=given.programs,
        cpu_budget_s=given.cpu_budget_s,
        suite=Suite(SUITE, {name: Test(name, test.area, passes, None) for name, test in given.tests.items()}),
        ends=ends,
    )


def guest(space: Workspace, tree: Tree, tests: Integration, arch: str, features: str) -> RunSpec:
    """What all guests of an architecture have in common, built or restored; it asks for no test yet.

    Raises:
        UserError: the machine profile is not as it should be.
        BuildError: as the stages say; or the kernel links other tests than are listed, or lacks a program.
        MachineError: as the stages say.
    """
    return _guest(space, tree, tests, suite_run.built(space, tree, arch, features))


def _guest(space: Workspace, tree: Tree, tests: Integration, outputs: BuildOutputs) -> RunSpec:
    arch = outputs.arch
    agree(tests, inventory.read(space.store.path(outputs.kernel)), arch)
    if gone := [name for name in tests.programs if name not in outputs.programs]:
        raise BuildError(
            f"{arch}: integration tests need {', '.join(gone)}, and the build made no such program"
        )
    aboard = {name: outputs.programs[name] for name in tests.programs}
    image = disk.whole(space, tree, arch, aboard, disk.title(SUITE, arch))
    return RunSpec(
        test=SUITE,
        arch=arch,
        kernel=outputs.kernel,
        disk=image,
        machine=outputs.machine,
        cmdline=COMMAND_LINE,
        cpu_budget_s=tests.cpu_budget_s,
        kind=RunKind.TESTS,
    )


def agree(tests: Integration, linked: inventory.Inventory | None, arch: str) -> None:
    """Compares the tests in a kernel with those that are listed, so that no suite shrinks in silence.

    Raises:
        BuildError: naming those that differ.
    """
    here = {
        name: test.area + (", alone" if name in tests.ends else "")
        for name, test in tests.suite.tests.items()
    }
    there = dict((linked or {}).get("test", {}))
    if here == there:
        return
    differences = {
        "the kernel lacks": [name for name in here if name not in there],
        "the list lacks": [name for name in there if name not in here],
        "area or end differ for": [name for name in here if there.get(name, here[name]) != here[name]],
    }
    said = [f"{what} {', '.join(names)}" for what, names in differences.items() if names]
    raise BuildError(
        f"{arch}: the kernel's integration tests are not those of suites/{SUITE}.yaml: {'; '.join(said)}",
        hint="a test is a line in a `tests!` of kernel/core/src/ktest/integration and one in that file",
    )


def single_test(like: RunSpec, name: str) -> RunSpec:
    """The guest that runs one test and no other: what its evidence is kept under."""
    return replace(asking(like, [name]), test=f"{SUITE}:{name}")


def parts(single_test: RunSpec) -> tuple[RunSpec, str]:
    """What `own` made a guest of: what it is like, and its test."""
    like = replace(single_test, test=SUITE, cmdline=single_test.cmdline.rpartition(ASKS)[0])
    return like, single_test.test.removeprefix(f"{SUITE}:")


def asking(like: RunSpec, names: Sequence[str]) -> RunSpec:
    """The guest that runs these tests."""
    return replace(like, cmdline=f"{like.cmdline}{ASKS}{','.join(names)}")


def guests(
    runner: EvidenceRunner,
    tests: Integration,
    wanted: Sequence[RunSpec],
    *,
    lanes: int,
    on_done: Callable[[RunSpec, Evidence], None],
    fresh: bool = False,
) -> None:
    """Runs tests, each given as its own guest: those of like guests together, but for those that must end it.

    Where a test brings its guest to a bad end, another one goes on with the next test. `on_done` is given
    each test as it was asked for, and what was seen of it.
    """
    asked: dict[RunSpec, tuple[RunSpec, Sequence[str]]] = {}  # of each guest: what it is like, its tests

    def ask(like: RunSpec, names: Sequence[str]) -> RunSpec:
        spec = asking(like, names)
        asked[spec] = like, names
        return spec

    def findings(result: Result) -> list[Finding]:
        like, names = asked[result.job.spec]
        spent = result.run.state.test_s if result.run.state else {}
        found = judged(result, names, tests.ends)
        return [
            Finding(single_test(like, name), judgement, spent.get(name)) for name, judgement in found.items()
        ]

    def following(result: Result) -> list[RunSpec]:
        like, names = asked[result.job.spec]
        found = judged(result, names, tests.ends)
        rest = [name for name in names if name not in found]
        return [ask(like, rest)] if rest else []

    together: dict[RunSpec, list[str]] = {}
    specs = []
    for like, name in map(parts, wanted):
        if name in tests.ends:
            specs.append(ask(like, [name]))
        else:
            together.setdefault(like, []).append(name)
    specs += [ask(like, names) for like, names in together.items()]
    runner.run(specs, lanes=lanes, fresh=fresh, on_done=on_done, findings=findings, following=following)


def judged(result: Result, names: Sequence[str], ends: Mapping[str, End]) -> Mapping[str, Judgement]:
    """The tests that a guest has decided; all of them where no lane could run it."""
    state = result.run.state
    return verdict.judge_tests(state, names, ends) if state else dict.fromkeys(names, result.run.judgement)


@dataclass(frozen=True)
class KernelSuite:
    """The suite of the tests inside the kernel (see `plan.SuiteGuests`)."""

    tree: Tree
    tests: Integration

    @property
    def suite(self) -> Suite:
        """All of them."""
        return self.tests.suite

    def plan(self, runner: EvidenceRunner, arch: str, tests: Sequence[Test], *, fresh: bool) -> Plan:
        """The guests of these tests; raises as `guest`."""
        outputs = suite_run.built(runner.space, self.tree, arch, self.tests.features)
        like = _guest(runner.space, self.tree, self.tests, outputs)
        guests = {name: single_test(like, name) for name in self.suite.tests}
        asked = [test.name for test in tests]
        to_run = [name for name in asked if runner.wanted([guests[name]], fresh=fresh)]
        return Plan(outputs, built=guests.keys(), guests=guests, asked=asked, to_run=to_run)

    def guests(self, runner: EvidenceRunner, plan: Plan) -> Mapping[str, RunSpec]:
        """Those of the plan: all have the same disk."""
        del runner
        return plan.guests

    def run(
        self,
        runner: EvidenceRunner,
        specs: Sequence[RunSpec],
        *,
        lanes: int,
        on_done: Callable[[RunSpec, Evidence], None],
        fresh: bool,
    ) -> None:
        """Runs tests, many in a guest; raises MachineError."""
        guests(runner, self.tests, specs, lanes=lanes, on_done=on_done, fresh=fresh)
