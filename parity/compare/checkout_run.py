"""The suite at another commit of a checkout, by that commit's own tools: whatever its files mean, they know.

The commit's files lie in a scratch folder, which goes with the command, or after a kill with the next one.
What is made there is kept in the same store, and what is known under that commit's keys is not run again.
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

SURPRISES = (0, 1)  # exit statuses of a command that found out everything
# What commits say of a tree that does not build, or of a bug in their tools; any other 2 is for this machine.
_NOT_BUILT = re.compile(
    "^error: .*(does not compile|does not build|does not fit|do not fit on a disk|made no such program"
    "|is missing|among its sources"
    "|integration tests are not those of|inventory cannot be read|is not an ELF file"
    "|a bug in Parity)",
    re.MULTILINE,
)


def rows(space: Workspace, there: Revision, archs: Sequence[str], variables: Sequence[str]) -> list[Row]:
    """The rows of those of the architectures that the commit has; `variables` for its command line.

    Raises:
        RevisionError: it does not build, or its tools cannot be run.
        MachineError, InfraError: this machine cannot, as without room or without Docker.
    """
    with space.scratch() as folder:
        tree = folder / "tree"
        _seed(space.build / "cargo", tree / "build" / "cargo")
        # After that: cargo goes by times, and every source must be younger than what was compiled.
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
        raise RevisionError(f"{there} does not know what was asked for: see above", output=output)
    if status == ParityError.exit_code and not _NOT_BUILT.search(output):
        space.screen.note(output)
        raise InfraError(f"{there} could not be looked at, for no fault of its own: see above")
    raise RevisionError(f"{there} does not build: see above", output=output)


def _doit(space: Workspace, there: Revision, tree: Path, words: Sequence[str]) -> tuple[int, list[str]]:
    """Runs that commit's tasks with this command's Python; the exit status, and what was said."""
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        space.screen.say(line.strip())

    environment = {"PYTHONPATH": str(tree), "PARITY_CACHE": str(space.cache)}
    not_the_jobs = {"GITHUB_ACTIONS": "", "GITHUB_STEP_SUMMARY": ""}  # its results are not the job's
    argv = [sys.executable, "-m", "doit", *words]
    # Its waits have deadlines of their own.
    status = command.run(argv, on_line, env={**environment, **not_the_jobs}, cwd=tree, timeout_s=None)
    return status, lines


def _seed(ours: Path, theirs: Path) -> None:
    """Copies the compiler's cache, which saves minutes."""
    for target in ("kernel", "programs"):
        if (ours / target).is_dir():
            with lock.held(ours / target / ".parity.lock"):
                shutil.copytree(ours / target, theirs / target, symlinks=True)
