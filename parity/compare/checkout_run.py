"""Runs the suite of another commit with that commit's own tools, which know how to read its files.

The commit is checked out into a scratch folder, which is removed at the end, or after a kill by the next
command. The results go to the same store, and tests with a stored result for that commit do not run again.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from parity.build.workspace import Workspace
from parity.compare import revision
from parity.compare.revision import Revision
from parity.core import command, lock
from parity.core.errors import InfraError, ParityError, RevisionError, UserError
from parity.core.row import Row
from parity.results import results_json

SURPRISES = (0, 1)  # exit statuses of a command with complete results
# Messages of commits that do not build or whose tools have a bug; other errors with status 2 are the
# machine's.
_NOT_BUILT = re.compile(
    "^error: .*(does not compile|does not build|does not fit|do not fit on a disk|made no such program"
    "|is missing|among its sources"
    "|integration tests are not those of|inventory cannot be read|is not an ELF file"
    "|a bug in Parity)",
    re.MULTILINE,
)


def rows(space: Workspace, there: Revision, archs: Sequence[str], variables: Sequence[str]) -> list[Row]:
    """The rows of the architectures that the commit also has; `variables` go to its command line.

    Raises:
        RevisionError: it does not build, or its tools cannot be run.
        MachineError, InfraError: this machine lacks something, such as disk space or Docker.
    """
    with space.scratch() as folder:
        tree = folder / "tree"
        _seed(space.build / "cargo", tree / "build" / "cargo")
        # Check out after the copy: cargo compares times, and all sources must be newer than compiled files.
        revision.check_out(space.root, there, tree)
        with space.screen.stage(f"the suite at {there}"):
            tasks = [f"test_{arch}" for arch in archs]
            listed = _doit(space, there, tree, ["list", "--quiet"])[1]
            tasks = [task for task in tasks if task in listed]
            status, said = _doit(space, there, tree, [*variables, *tasks])
        found = [
            row for row in results_json.parse(tree / "build" / "report" / "results.json") if row.arch in archs
        ]
    if status in SURPRISES or {f"test_{row.arch}" for row in found} == set(tasks):
        return found
    output = "\n".join(said)
    if status == UserError.exit_code:
        raise RevisionError(
            f"{there} does not have the requested tasks or variables: see above", output=output
        )
    if status == ParityError.exit_code and not _NOT_BUILT.search(output):
        space.screen.note(output)
        raise InfraError(f"{there} could not be tested on this machine: see above")
    raise RevisionError(f"{there} does not build: see above", output=output)


def _doit(space: Workspace, there: Revision, tree: Path, words: Sequence[str]) -> tuple[int, list[str]]:
    """Runs tasks of that commit with this Python; returns the exit status and the output lines."""
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        space.screen.say(line.strip())

    environment = {"PYTHONPATH": str(tree), "PARITY_CACHE": str(space.cache)}
    no_github = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""}  # its results are not the CI job's
    argv = [sys.executable, "-m", "doit", *words]
    # Its waits have deadlines of their own.
    status = command.run(argv, on_line, env={**environment, **no_github}, cwd=tree, timeout_s=None)
    return status, lines


def _seed(ours: Path, theirs: Path) -> None:
    """Copies cargo's target folders, which saves minutes of compilation."""
    for target in ("kernel", "programs"):
        if (ours / target).is_dir():
            with lock.held(ours / target / ".parity.lock"):
                shutil.copytree(ours / target, theirs / target, symlinks=True)
