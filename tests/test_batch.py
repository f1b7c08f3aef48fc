"""The step that runs the guests of all architectures: its place in doit's graph, and how it treats errors."""

from __future__ import annotations

import errno
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from doit.control import TaskControl
from doit.dependency import Dependency
from doit.runner import Runner
from doit.task import Stream, Task

from parity.core.errors import BuildError, InfraError, MachineError
from parity.core.row import Row
from tasks import boot, compare, integration, parity, session, suite
from tasks.batch import Batch
from tasks.doitdb import MemoryDB
from tasks.reporter import Reporter
from tasks.session import BatchResult, Session, current, task

ROOT = Path(__file__).parent.parent
ARCHS = ("aarch64", "x86_64")
CREATORS = (
    suite.task_test,
    integration.task_integration,
    boot.task_boot_features,
    parity.task_parity,
    compare.task_compare,
)
PASSED = Row("fork_test", "aarch64", "process", "pass", "pass", None, "")


def begun(*words: str, **variables: str) -> Session:
    return session.begin(ROOT, variables, words)


def created(*words: str, **variables: str) -> dict[str, Task]:
    """The tasks of a command, by name."""
    begun(*words, **variables)
    tasks = itertools.chain.from_iterable(creator() for creator in CREATORS)
    return {each.name: each for each in tasks}


@pytest.mark.parametrize(
    ("batch", "readers"),
    [
        ("_guests_test", ["test_ARCH", "test_ARCH:fork_test", "parity", "parity:readme", "compare:HEAD"]),
        ("_guests_integration", ["integration_ARCH", "integration_ARCH:timer_clock"]),
        ("_guests_boot_features", ["boot_features_ARCH"]),
    ],
)
def test_all_tasks_that_read_rows_depend_on_one_hidden_step(batch: str, readers: list[str]) -> None:
    tasks = created("compare:HEAD")
    assert tasks[batch].task_dep == ["images"]
    for name in (reader.replace("ARCH", arch) for reader in readers for arch in ARCHS):
        assert tasks[name].setup_tasks == [batch]
    others = [each for each in tasks.values() if batch in (*each.setup_tasks, *each.task_dep)]
    assert {each.name.partition(":")[0] for each in others} == {
        reader.replace("ARCH", arch).partition(":")[0] for reader in readers for arch in ARCHS
    }


def test_a_plan_depends_on_nothing() -> None:
    for each in created("compare:HEAD", plan="1").values():
        if not each.name.startswith(("_", "boot_features_")):
            assert (each.task_dep, each.setup_tasks) == ([], []), each.name


@pytest.mark.parametrize(
    ("words", "archs"),
    [
        (["test_aarch64", "test_x86_64"], ARCHS),
        (["test_aarch64", "test_x86_64:fork_test"], ARCHS),
        (["test_*"], ARCHS),
        (["parity"], ARCHS),
        (["compare:HEAD"], ARCHS),
        (["test_aarch64:true_test", "boot_x86_64"], ["aarch64"]),
        (["integration_aarch64"], []),
    ],
)
def test_the_step_runs_what_the_command_asks_for(words: list[str], archs: Sequence[str]) -> None:
    command, batch = begun(*words), suite.SUITE_TASKS.batch
    assert [arch for arch in command.archs if batch.asked(command, arch)] == list(archs)


@dataclass
class Steps:
    """A batch step without guests, and tasks as those of a suite; what runs is in `ran`, in its order.

    `unbuilt`: the architectures that do not build; `unready`: those whose own build task fails.
    """

    unbuilt: Sequence[str] = ()
    unready: Sequence[str] = ()
    error: Exception | None = None  # that ends the run of the guests
    ran: list[str] = field(default_factory=list)

    @property
    def batch(self) -> Batch[str]:
        return Batch("x", lambda command, arch: command.names(f"x_{arch}"), self.plan, self.run)

    def plan(self, _: Session, arch: str) -> str:
        if arch in (*self.unbuilt, *self.unready):
            raise BuildError(f"{arch} does not build")
        return arch

    def run(self, _: Session, plans: Mapping[str, str]) -> dict[str, dict[str, Row]]:
        self.ran.append(f"guests of {' and '.join(plans.values())}")
        if self.error is not None:
            raise self.error
        return {arch: {"fork_test": replace(PASSED, arch=arch)} for arch in plans}

    def build(self, arch: str) -> None:
        self.ran.append(f"build {arch}")
        if arch in self.unready:
            raise BuildError(f"{arch} does not build")

    def read(self, arch: str) -> None:
        self.ran.append(f"rows of {arch}: {len(self.batch.rows(current(), arch))}")

    def tasks(self) -> Iterator[Task]:
        yield task("images", "", lambda: None)
        yield self.batch.task()
        for arch in ARCHS:
            yield task(f"build_{arch}", "", self.build, arch, after=["images"])
            yield task(f"x_{arch}", "", self.read, arch, after=[f"build_{arch}"], setup=[self.batch.name])

    def doit(self, *words: str, single: bool = False) -> int:
        """Runs these tasks as doit does; its status."""
        begun(*words)
        control = TaskControl(list(self.tasks()))
        control.process(list(words))
        for name in words if single else ():  # as doit has it
            control.tasks[name].task_dep = []
        runner = Runner(Dependency(MemoryDB, ""), Reporter(io.StringIO(), {}), True, stream=Stream(2))
        return int(runner.run_all(control.task_dispatcher()))


BOTH = ("x_aarch64", "x_x86_64")


def test_guests_run_once_in_one_pool_after_the_first_build() -> None:
    steps = Steps()
    assert steps.doit(*BOTH) == 0
    expected = ["build aarch64", "guests of aarch64 and x86_64", "rows of aarch64: 1"]
    assert steps.ran == [*expected, "build x86_64", "rows of x86_64: 1"]


def test_a_task_without_its_dependencies_has_the_step_too() -> None:
    steps = Steps()
    assert steps.doit("x_x86_64", single=True) == 0
    assert steps.ran == ["guests of x86_64", "rows of x86_64: 1"]


@pytest.mark.parametrize("broken", ["unbuilt", "unready"])
@pytest.mark.parametrize(("bad", "good"), [ARCHS, ARCHS[::-1]])
def test_an_architecture_that_does_not_build_leaves_the_others_rows(
    bad: str, good: str, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = Steps(unbuilt=[bad]) if broken == "unbuilt" else Steps(unready=[bad])
    assert steps.doit(*BOTH) == 2
    assert [each for each in steps.ran if not each.startswith(("build", "rows of " + bad))] == [
        f"guests of {good}",
        f"rows of {good}: 1",
    ]
    assert capsys.readouterr().out.count(f"error: {bad} does not build") == 1


def test_where_no_architecture_builds_no_guest_runs() -> None:
    steps = Steps(unbuilt=ARCHS)
    assert steps.doit(*BOTH) == 2
    assert [each for each in steps.ran if each.startswith("guests")] == []


@pytest.mark.parametrize("error", [MachineError("Docker does not answer"), OSError(errno.ENOSPC, "full")])
def test_an_error_that_ends_the_step_is_told_once(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Steps(error=error).doit(*BOTH) == 2
    assert capsys.readouterr().out.count("error: ") == 1


def test_what_has_not_run_is_no_success() -> None:
    command, batch = begun(), Steps().batch
    with pytest.raises(InfraError, match="no guest of x has run on x86_64"):
        batch.rows(command, "x86_64")
    command.accumulated.batches["x"] = BatchResult({"aarch64": {}})
    assert batch.rows(command, "aarch64") == {}
    with pytest.raises(InfraError, match="no guest of x"):
        batch.rows(command, "x86_64")


def test_another_error_ends_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise MachineError("no Docker")

    steps = Steps()
    monkeypatch.setattr(Steps, "plan", refuse)
    assert steps.doit(*BOTH) == 2
    assert steps.ran == ["build aarch64", "build x86_64"]
