"""One command: its words and variables, the tree and the suites, and the workspace.

doit calls task creators without arguments, so this module has the only global variable of the project: the
loader opens the session, and creators and actions get it from `current`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import Any

from doit.exceptions import TaskError, TaskFailed
from doit.task import Task, dict_to_task

from parity.build.workspace import Workspace
from parity.core import host
from parity.core.cancellation import CANCELLATION
from parity.core.errors import BuildError, ParityError, UserError
from parity.core.row import Row
from parity.report import log
from parity.report.terminal import Screen
from parity.run import integration
from parity.run.evidence_runner import EvidenceRunner
from parity.run.integration import Integration
from parity.spec import baseline as baselines
from parity.spec import decision, quarantine
from parity.spec import suite as suites
from parity.spec import tree as trees
from parity.spec.baseline import Baseline
from parity.spec.decision import Decision
from parity.spec.suite import Suite, Test
from parity.spec.tree import Tree
from parity.store.store import Digest
from tasks import bug, ends
from tasks.settings import ALL, Settings

TREE = "reference"
BASELINE, QUARANTINE = Path("suites", "baseline.txt"), Path("suites", "quarantine.yaml")
DECISIONS = "decisions.yaml"


@dataclass(frozen=True)
class BatchResult:
    """The result of a batch step: by architecture, the rows by name, or the error that it ended with."""

    rows: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    errors: Mapping[str, BaseException] = field(default_factory=dict)


@dataclass
class Accumulated:
    """The results of a command while it runs: the only part of a session that changes."""

    batches: dict[str, BatchResult] = field(default_factory=dict)  # by suite
    earlier: dict[str, list[Row]] = field(default_factory=dict)  # by report file: before the command's own
    errors: list[ParityError] = field(default_factory=list)  # that ended an action
    tasks: list[Task] = field(default_factory=list)  # all of the command


@dataclass(frozen=True)
class Session:
    """The inputs of a command, and its results so far."""

    space: Workspace
    screen: Screen
    settings: Settings
    tree: Tree
    suite: Suite
    integration: Integration
    baseline: Baseline | None
    decisions: tuple[Decision, ...]
    selected: tuple[str, ...]  # the words of the command line that may be names of tasks
    variables: Mapping[str, str]  # and its variables, as given
    accumulated: Accumulated = field(default_factory=Accumulated)

    @property
    def archs(self) -> tuple[str, ...]:
        """The architectures of the command, in the tree's order."""
        chosen = self.settings.arch
        return tuple(arch for arch in self.tree.archs if chosen in (arch, ALL))

    @property
    def tests(self) -> dict[str, Test]:
        """The tests of both suites: they have rows and lines in the baseline, and may be quarantined."""
        return {**self.suite.tests, **self.integration.suite.tests}

    def names(self, task: str) -> bool:
        """Whether the command names a task, or one of its sub-tasks."""
        return any(fnmatchcase(task, word.partition(":")[0]) for word in self.selected)

    def evidence_runner(self, space: Workspace | None = None) -> EvidenceRunner:
        """The evidence runner of this command; `space`: None for the session's workspace."""
        return EvidenceRunner(space or self.space, self.tree.panic_patterns, log.render)

    def shown(self, folder: str, files: Mapping[str, Digest]) -> None:
        """Copies blobs to `folder` below build/ and prints their paths; raises MachineError."""
        place = self.space.show(folder, files).relative_to(self.space.root)
        lines = [f"{place}: {len(files)} files"]
        if len(files) == 1:
            lines = [f"{place / name} is {self.space.store.local(digest)}" for name, digest in files.items()]
        self.screen.note(f"  {lines[0]}", "dim")


_current: Session | None = None


def current() -> Session:
    """The session of this command."""
    assert _current is not None, "the loader opens the session before any task is made"
    return _current


def begin(root: Path, variables: Mapping[str, str], selected: Sequence[str]) -> Session:
    """Opens the session.

    Raises:
        UserError: a variable, a YAML file or the baseline is not valid.
    """
    global _current
    settings = Settings.read(root / "pyproject.toml", variables)
    tree = trees.load(root / "trees" / f"{TREE}.yaml")
    if settings.arch not in (*tree.archs, ALL):
        raise UserError(f"arch={settings.arch}: {', '.join(tree.archs)} or {ALL} expected")
    suite = suites.load(root / "suites" / f"{tree.run.suite}.yaml", tree.archs)
    inside = integration.load(root / "suites" / f"{integration.SUITE}.yaml", tree)
    if both := suite.tests.keys() & inside.suite.tests.keys():
        raise UserError(f"{min(both)} is the name of a program's test and of one inside the kernel")
    tests, archs = {**suite.tests, **inside.suite.tests}, tree.archs
    settings.selection.matching(list(tests.values()))  # a mistake in it is found before anything runs
    entries = quarantine.load(root / QUARANTINE, tests, archs)
    screen = Screen()
    _current = Session(
        space=Workspace(root, host.cache_dir(), screen),
        screen=screen,
        settings=settings,
        tree=tree,
        suite=suite.with_quarantine(entries),
        integration=replace(inside, suite=inside.suite.with_quarantine(entries)),
        baseline=baselines.load(root / BASELINE, tests, archs),
        decisions=decision.load(root / DECISIONS, archs),
        selected=tuple(selected),
        variables=dict(variables),
    )
    return _current


def action(function: Callable[..., bool | None]) -> Callable[..., TaskError | TaskFailed | None]:
    """Makes a doit action of a function: an error becomes one message and status 2, False is status 1."""

    @wraps(function)
    def run(*args: Any) -> TaskError | TaskFailed | None:
        CANCELLATION.check()
        try:
            as_expected = function(*args)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            CANCELLATION.check()  # a cancelled wait may have raised the error
            known = ends.known_error(error)
            if known is None:
                current().screen.note(bug.report(), "red")
            else:
                shown_errors = {
                    str(each) for each in current().accumulated.errors if not isinstance(each, BuildError)
                }
                if str(known) not in shown_errors:  # without Docker, every task raises the same
                    tell(known)
                current().accumulated.errors.append(known)
            return TaskError(str(error), report=False)
        return TaskFailed("not as expected", report=False) if as_expected is False else None

    return run


def tell(error: ParityError) -> None:
    """Prints an error, and before it the whole output of the compiler."""
    screen = current().screen
    if isinstance(error, BuildError) and error.output:
        screen.note(error.output)
    screen.note(f"error: {error}", "red")


def task(
    name: str,
    doc: str,
    function: Callable[..., bool | None],
    *args: Any,
    after: Sequence[str] = (),
    setup: Sequence[str] = (),
    stages: Sequence[str] = (),
    outputs: Sequence[str] = (),
    guests: Sequence[str] = (),
) -> Task:
    """A task with one action; `base:name` is a sub-task, which `doit list` shows with `--all` only.

    `after`: the tasks that must succeed first. `setup`: those that run after these, and only if all of these
    succeeded. `stages`: the titles of its results in the store (`doit forget`). `outputs`: globs below build/
    of its files in the checkout (`doit clean`). `guests`: the architectures whose guests it runs.

    Unlike doit's own generators this lets a task with sub-tasks have an action of its own.
    """
    new: Task = dict_to_task(
        {
            "name": name,
            "doc": doc,
            "actions": [(action(function), list(args))],
            "task_dep": list(after),
            "setup": list(setup),
            "io": {"capture": False},
            "meta": {"stages": list(stages), "guests": list(guests)},
            "clean": [(clean, [list(outputs)])],
        }
    )
    base, _, sub = name.partition(":")
    if sub:
        new.subtask_of = base
    return new


def clean(globs: Sequence[str], dryrun: bool) -> None:
    """Removes the files of a task in this checkout; the store and other checkouts keep theirs."""
    space = current().space
    for path in sorted(found for glob in globs for found in space.build.glob(glob)):
        space.screen.note(f"  {path.relative_to(space.root)}")
        if dryrun:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def group(name: str, doc: str, tasks: Sequence[Task], outputs: Sequence[str] = ()) -> list[Task]:
    """A task that only depends on its sub-tasks, and the sub-tasks."""
    new: Task = dict_to_task(
        {
            "name": name,
            "doc": doc,
            "actions": None,
            "task_dep": [each.name for each in tasks],
            "meta": {"stages": [], "guests": []},
            "clean": [(clean, [list(outputs)])],
        }
    )
    new.has_subtask = True
    return [new, *tasks]
