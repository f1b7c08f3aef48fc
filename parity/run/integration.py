"""Integration tests: tests inside the kernel, many in one guest, each with its own verdict and evidence.

Keys of `suites/integration.yaml`: `features` (the kernel's feature set), `faulty_features` (the feature set
with the planted faults), `planted_faults` (their names; a test must catch each), `programs` (the programs
that tests start; they are on the disk of all guests), `cpu_budget_s` (CPU seconds of one test before its
guest counts as hung) and `tests`, a mapping from test to

    area    group in reports, and the tag to select it by
    ends    for a test that must end the kernel: the verdict of its guest, which runs no other test
    says    text that the cause of this verdict must contain

`boot_tests=` on a kernel's command line names the tests to run. The kernel's inventory has the linked tests;
they must be the tests of the file. The evidence of a test has the key of the guest that would run it alone,
also if it ran with others: a test that depends on the tests before it is flaky.
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
from parity.run.evidence_runner import EvidenceRunner, TestOutcome
from parity.run.plan import Plan
from parity.run.runner import Result
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test
from parity.spec.tree import Tree

SUITE = "integration"
# PID 1 has no program: a kernel that runs no test cannot pass with a program instead.
COMMAND_LINE = "init=/no/program"
ASKS = " boot_tests="


class IntegrationEntry(Model, frozen=True):
    """One test in the file."""

    area: str
    ends: Verdict | None = None  # of a test that must end the kernel
    says: str | None = None  # text in the cause of that verdict


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
    """All integration tests. `ends`: the required end of each test that must end the kernel."""

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
        UserError: with file and line, if the file does not follow the description above.
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
    """The guest of an architecture before its tests are named; builds or restores its kernel and disk.

    Raises:
        UserError: the machine profile is not valid.
        BuildError: from the stages; or the kernel's tests differ from the file, or a program is missing.
        MachineError: from the stages.
    """
    return _guest(space, tree, tests, suite_run.built(space, tree, arch, features))


def _guest(space: Workspace, tree: Tree, tests: Integration, outputs: BuildOutputs) -> RunSpec:
    arch = outputs.arch
    agree(tests, inventory.read(space.store.local(outputs.kernel)), arch)
    if gone := [name for name in tests.programs if name not in outputs.programs]:
        raise BuildError(
            f"{arch}: integration tests need {', '.join(gone)}, and the build made no such program"
        )
    programs_on_disk = {name: outputs.programs[name] for name in tests.programs}
    image = disk.whole(space, tree, arch, programs_on_disk, disk.title(SUITE, arch))
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
    """Compares the tests in a kernel with the file, so that no suite loses tests without a message.

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
    """The guest that runs one test alone: the test's evidence has its key."""
    return replace(asking(like, [name]), test=f"{SUITE}:{name}")


def parts(single_test: RunSpec) -> tuple[RunSpec, str]:
    """The guest without its test, and the test's name: the reverse of `single_test`."""
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
    """Runs tests, each given as the guest of `single_test`.

    Tests of equal guests share a guest, except those that must end the kernel. After a test that ends its
    guest, another guest runs the rest. `on_done` gets each test and its evidence.
    """
    asked: dict[RunSpec, tuple[RunSpec, Sequence[str]]] = {}  # by guest: the guest without tests, its tests

    def ask(like: RunSpec, names: Sequence[str]) -> RunSpec:
        spec = asking(like, names)
        asked[spec] = like, names
        return spec

    def outcomes(result: Result) -> list[TestOutcome]:
        like, names = asked[result.job.spec]
        spent = result.run.state.test_s if result.run.state else {}
        found = judged(result, names, tests.ends)
        return [
            TestOutcome(single_test(like, name), judgement, spent.get(name))
            for name, judgement in found.items()
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
    runner.run(specs, lanes=lanes, fresh=fresh, on_done=on_done, outcomes=outcomes, following=following)


def judged(result: Result, names: Sequence[str], ends: Mapping[str, End]) -> Mapping[str, Judgement]:
    """The judgements of the tests that a guest ran; of all its tests if no lane could run it."""
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
