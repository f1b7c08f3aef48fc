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

from parity import disk, harness, inventory, matrix, verdict, yamlfile
from parity.errors import BuildError
from parity.evidence import Evidence
from parity.gather import Finding, Gatherer, title
from parity.machine import RunKind, RunSpec
from parity.matrix import Row
from parity.runner import Result
from parity.suite import Suite, Test
from parity.tree import Tree
from parity.verdict import End, Judgement, Verdict
from parity.workspace import Workspace

SUITE = "integration"
KEYS = ("features", "faulty_features", "planted_faults", "programs", "cpu_budget_s", "tests")
TEST_KEYS = ("area", "ends", "says")
# Nothing is there to be PID 1: a kernel that runs no test cannot pass with a program's instead.
COMMAND_LINE = "init=/no/program"
ASKS = " boot_tests="


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
    top = yamlfile.load(path).mapping(KEYS, required=KEYS)
    tests: dict[str, Test] = {}
    ends = {}
    for name, node in top["tests"].mapping():
        test = node.mapping(TEST_KEYS, required=("area",))
        tests[name] = Test(name, test["area"].text(), dict.fromkeys(tree.archs, Verdict.PASS), None)
        if ("ends" in test) is not ("says" in test):
            raise node.error(f"{name}: ends and says belong together")
        if "ends" in test:
            ends[name] = End(Verdict(test["ends"].one_of("verdict", Verdict)), test["says"].text())
    if not tests:
        raise top["tests"].error("a suite without a test")
    faults = top["planted_faults"].texts()
    if twice := [name for name in faults if faults.count(name) > 1]:
        raise top["planted_faults"].error(f"{twice[0]!r} stands here twice")
    return Integration(
        features=top["features"].one_of("feature set", tuple(tree.feature_sets)),
        faulty_features=top["faulty_features"].one_of("feature set", tuple(tree.feature_sets)),
        faults=faults,
        programs=top["programs"].texts(),
        cpu_budget_s=top["cpu_budget_s"].number(),
        suite=Suite(SUITE, tests),
        ends=ends,
    )


def guest(space: Workspace, tree: Tree, tests: Integration, arch: str, features: str) -> RunSpec:
    """What all guests of an architecture have in common, built or restored; it asks for no test yet.

    Raises:
        UserError: the machine profile is not as it should be.
        BuildError: as the stages say; or the kernel links other tests than are listed, or lacks a program.
        MachineError: as the stages say.
    """
    made = harness.built(space, tree, arch, features)
    agree(tests, inventory.read(space.store.path(made.kernel)), arch)
    if gone := [name for name in tests.programs if name not in made.programs]:
        raise BuildError(
            f"{arch}: integration tests need {', '.join(gone)}, and the build made no such program"
        )
    aboard = {name: made.programs[name] for name in tests.programs}
    image = disk.whole(space, tree, arch, aboard, disk.title(SUITE, arch))
    return RunSpec(
        test=SUITE,
        arch=arch,
        kernel=made.kernel,
        disk=image,
        machine=made.machine,
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


def own(like: RunSpec, name: str) -> RunSpec:
    """The guest that runs one test and no other: what its evidence is kept under."""
    return replace(asking(like, [name]), test=f"{SUITE}:{name}")


def parts(own: RunSpec) -> tuple[RunSpec, str]:
    """What `own` made a guest of: what it is like, and its test."""
    like = replace(own, test=SUITE, cmdline=own.cmdline.rpartition(ASKS)[0])
    return like, own.test.removeprefix(f"{SUITE}:")


def asking(like: RunSpec, names: Sequence[str]) -> RunSpec:
    """The guest that runs these tests."""
    return replace(like, cmdline=f"{like.cmdline}{ASKS}{','.join(names)}")


def run(
    gatherer: Gatherer, tests: Integration, asked: Sequence[RunSpec], *, fresh: bool, lanes: int
) -> dict[RunSpec, Evidence]:
    """Runs, over one pool of lanes, what needs it of tests, each given as its own guest; what was seen."""
    space, wanted = gatherer.space, gatherer.wanted(asked, fresh=fresh)
    ran: dict[RunSpec, Evidence] = {}
    if wanted:
        with space.screen.tests(len(wanted)) as view:

            def on_done(done: RunSpec, seen: Evidence) -> None:
                ran[done] = seen
                if seen.verdict != Verdict.INFRA:
                    space.history.remember(title(done), gatherer.inputs(done))
                view.finished(_row(gatherer, tests, done, seen))

            guests(gatherer, tests, wanted, lanes=lanes, on_done=on_done, fresh=fresh)
    for known in set(asked).difference(wanted):
        space.history.remember(title(known), gatherer.inputs(known))
    return ran


def guests(
    gatherer: Gatherer,
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
        return [Finding(own(like, name), judgement, spent.get(name)) for name, judgement in found.items()]

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
    gatherer.run(specs, lanes=lanes, fresh=fresh, on_done=on_done, findings=findings, following=following)


def judged(result: Result, names: Sequence[str], ends: Mapping[str, End]) -> Mapping[str, Judgement]:
    """The tests that a guest has decided; all of them where no lane could run it."""
    state = result.run.state
    return verdict.judge_tests(state, names, ends) if state else dict.fromkeys(names, result.run.judgement)


def rows(gatherer: Gatherer, tests: Integration, like: RunSpec, ran: Mapping[RunSpec, Evidence]) -> list[Row]:
    """The rows of all tests in guests like this one: what is known, or that `ran` could not find it out."""
    found = []
    for spec in (own(like, name) for name in tests.suite.tests):
        now = ran.get(spec)
        lost = now is not None and now.verdict == Verdict.INFRA
        found.append(_row(gatherer, tests, spec, now if lost else gatherer.known(spec)))
    return found


def _row(gatherer: Gatherer, tests: Integration, spec: RunSpec, seen: Evidence | None) -> Row:
    _, name = parts(spec)
    log = gatherer.log(seen) if seen else None
    return matrix.row(tests.suite.tests[name], spec.arch, tests.features, seen, built=True, log=log)
