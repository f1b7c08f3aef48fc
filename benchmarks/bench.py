"""The tools of a benchmark: the checkout, commands as a user types them, alternating rounds."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.output import Output
from parity.build import disk
from parity.build.workspace import Workspace
from parity.core import command
from parity.core.errors import InfraError, MachineError, UserError
from parity.guest.guest import GuestRun, run_guest
from parity.guest.lane import Lane
from parity.judge.verdict import Verdict
from parity.run import suite_run
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite
from parity.spec.tree import Tree

DOIT = Path(sys.executable).parent / "doit"
WAYS = Path(__file__).parent / "ways"
LAST_LINES = 15


@dataclass(frozen=True)
class Checkout:
    """A checkout in which doit runs, and the store that it uses there."""

    root: Path
    cache: Path
    say: Callable[[str], None]

    def doit(self, *words: str) -> Output:
        """Runs doit to its end, as in a pipe.

        Raises:
            InfraError: it did not end with 0, and what it measured is no figure.
        """
        return self.run([str(DOIT), *words])

    def run(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> Output:
        """Runs any command here; raises as `doit`."""
        lines: list[str] = []

        def on_line(line: str) -> None:
            lines.append(line)
            self.say(line)

        own = {"CI": "1", "PARITY_CACHE": str(self.cache), "PYTHONPATH": str(self.root)}
        began = time.monotonic()
        here = ["env", "-C", str(self.root), *argv]
        status = command.run(here, on_line, env={**own, **(env or {})}, timeout_s=None)
        seconds = time.monotonic() - began
        if status != 0:
            words = " ".join([Path(argv[0]).name, *argv[1:]])
            raise InfraError(f"{words} ended with {status}", "\n  ".join(lines[-LAST_LINES:]))
        return Output(lines, seconds)


@dataclass(frozen=True)
class Bench:
    """The context of one benchmark."""

    space: Workspace
    tree: Tree
    suite: Suite
    archs: tuple[str, ...]  # that the command is about
    lanes: int
    rounds: int

    @property
    def here(self) -> Checkout:
        """This checkout, unchanged."""
        return Checkout(self.space.root, self.space.cache, self.space.screen.say)

    @property
    def arch(self) -> str:
        """The architecture for measurements that do not depend on it."""
        return self.archs[0]

    def both(self) -> tuple[str, str]:
        """The two architectures to compare, in the tree's order; raises UserError where there are not two."""
        if len(self.archs) != 2:
            raise UserError(f"this compares two architectures; the command is about {', '.join(self.archs)}")
        first, second = self.archs
        return first, second

    def tests(self, arch: str) -> list[str]:
        """The tests of the suite that pass."""
        return [name for name, test in self.suite.tests.items() if test.expected[arch] is Verdict.PASS]

    def specs(self, arch: str, names: Sequence[str]) -> list[RunSpec]:
        """The guests of these tests, with kernel and disks made or restored."""
        space, tree, suite = self.space, self.tree, self.suite
        made, tests = suite_run.built(space, tree, arch), [suite.tests[name] for name in names]
        images = disk.of_tests(space, tree, suite, arch, made.programs, tests)
        return [suite_run.spec(tree, test, made, images[test.name]) for test in tests]

    def passed(self, lane: Lane, spec: RunSpec) -> GuestRun:
        """Runs one guest in a lane, which leaves no evidence; raises InfraError unless it passes."""
        self.space.screen.say(f"{spec.test} {spec.arch}")
        with self.space.scratch() as folder:
            run = run_guest(lane, spec, self.tree.panic_patterns, folder / "recording.jsonl")
        if run.judgement.verdict is not Verdict.PASS:
            raise InfraError(f"{spec.test} {spec.arch}: {run.judgement.verdict}: {run.judgement.cause}")
        return run

    def in_turn(self, arms: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
        """What each arm measures in each round: one after the other, every second round the other way round.

        So that a machine that becomes slower or faster meanwhile does so to all of them.
        """
        found: dict[str, list[float]] = {name: [] for name in arms}
        for number in self.each_round():
            for name in list(arms) if number % 2 == 0 else reversed(list(arms)):
                found[name].append(arms[name]())
        return found

    def each_round(self) -> Iterator[int]:
        """The numbers of the rounds, from 0; says each as it begins."""
        for number in range(self.rounds):
            self.space.screen.note(f"  round {number + 1} of {self.rounds}", "dim")
            yield number

    @contextmanager
    def copy(self) -> Iterator[Checkout]:
        """A copy of the checkout with a `build/` of its own and a store that begins as this one's.

        What is made there stays there. The copy goes when the block ends, or, after a kill, with the next
        command.
        """
        with self.space.scratch() as folder:
            root, cache = folder / "checkout", folder / "cache"
            for file in self._tracked():
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.space.root / file, root / file)
            cache.mkdir()
            # Blobs are never changed; what is appended to must be a file of its own.
            shutil.copytree(self.space.cache / "blobs", cache / "blobs", copy_function=_link)
            for name in ("actions", "evidence", "images"):
                shutil.copytree(self.space.cache / name, cache / name)
            (cache / "cargo").symlink_to(self.space.cache / "cargo")
            yield Checkout(root, cache, self.space.screen.say)

    def _tracked(self) -> list[Path]:
        """The files of this checkout that git tracks or would track."""
        if shutil.which("git") is None:
            raise MachineError("a copy of the checkout needs git")
        listed: list[str] = []
        argv = ["git", "-C", str(self.space.root), "ls-files", "--cached", "--others", "--exclude-standard"]
        if command.run(argv, listed.append) != 0:
            raise MachineError("a copy of the checkout needs a git checkout", "\n  ".join(listed[-3:]))
        return [Path(line) for line in dict.fromkeys(listed) if (self.space.root / line).is_file()]


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def unquoted(words: Sequence[str]) -> str:
    """A command line for a script that splits it at blanks; raises InfraError where that is not enough."""
    text = " ".join(words)
    if shlex.split(text) != list(words):
        raise InfraError(f"a shell would not split this as it was: {text}")
    return text
