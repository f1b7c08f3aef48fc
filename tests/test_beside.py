"""Another commit's results, by the tools that the commit itself carries: here a script in their place."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from test_revision import git
from waiting import until

from parity.build.workspace import Workspace
from parity.compare import checkout_run, revision
from parity.core import host
from parity.core.errors import InfraError, RevisionError
from parity.report.terminal import Screen

ARCHS = ("aarch64", "x86_64")
ROW = {"name": "a", "area": "x", "verdict": "pass", "expected": "pass", "reason": None, "cause": ""}
TOOLS = """
import json, os, pathlib, sys
words = sys.argv[1:]
if words[0] == "list":
    print("\\n".join({tasks!r}))
    sys.exit()
print("words", *words)
print("seeded", pathlib.Path("build/cargo/kernel/artifact").read_text())
print("cache", os.environ["PARITY_CACHE"], "job", repr(os.environ["GITHUB_STEP_SUMMARY"]))
pathlib.Path("build/report").mkdir(parents=True)
pathlib.Path("build/report/results.json").write_text(json.dumps({{"format": 1, "tests": {rows!r}}}))
print({said!r})
sys.exit({status})
"""


def commit(
    tmp_path: Path, archs: Sequence[str], tasks: Sequence[str], status: int, said: str = "all there is"
) -> Workspace:
    """A checkout whose commit has tools with these tasks, which give a row for these architectures."""
    root = tmp_path / "checkout"
    root.mkdir()
    rows = [{**ROW, "arch": arch} for arch in archs]
    (root / "doit.py").write_text(TOOLS.format(tasks=list(tasks), rows=rows, status=status, said=said))
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=one")
    kernel = root / "build" / "cargo" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "artifact").write_text("compiled")
    return Workspace(root, tmp_path / "cache", Screen())


def rows(space: Workspace) -> list[tuple[str, str, str]]:
    there = revision.resolve(space.root, "HEAD")
    found = checkout_run.rows(space, there, ARCHS, ["only=a*"])
    return [(row.name, row.arch, row.verdict) for row in found]


def left(space: Workspace) -> list[Path]:
    return list((space.cache / "tmp").iterdir())


@pytest.mark.parametrize("status", [0, 1])
def test_rows_come_back_whether_or_not_they_are_as_expected(tmp_path: Path, status: int) -> None:
    space = commit(tmp_path, ARCHS, ["test_aarch64", "test_x86_64"], status)
    assert rows(space) == [("a", "aarch64", "pass"), ("a", "x86_64", "pass")]
    assert left(space) == []


def test_a_commit_with_one_architecture_is_asked_about_that(tmp_path: Path) -> None:
    space = commit(tmp_path, ["aarch64"], ["report", "test_aarch64"], 0)
    assert rows(space) == [("a", "aarch64", "pass")]


def test_a_guest_lost_there_is_not_a_commit_that_does_not_build(tmp_path: Path) -> None:
    space = commit(tmp_path, ["aarch64"], ["test_aarch64"], 2)
    assert rows(space) == [("a", "aarch64", "pass")]


@pytest.mark.parametrize(
    ("status", "said", "complaint"),
    [
        (2, "error: does not compile", "HEAD (.* does not build"),
        (2, "error: a bug in Parity (KeyError('x')); please report it", "HEAD (.* does not build"),
        (3, "ERROR: no such thing", "does not have the requested tasks"),
    ],
)
def test_a_commit_that_gives_no_rows_is_told_with_its_own_words(
    tmp_path: Path, status: int, said: str, complaint: str
) -> None:
    space = commit(tmp_path, ["aarch64"], ["test_aarch64", "test_x86_64"], status, said)
    with pytest.raises(RevisionError, match=complaint.replace("(", r"\(")) as caught:
        rows(space)
    assert caught.value.exit_code == 125
    assert caught.value.output.splitlines() == [
        "words only=a* test_aarch64 test_x86_64",
        "seeded compiled",
        f"cache {space.cache} job ''",
        said,
    ]
    assert left(space) == []


@pytest.mark.parametrize(
    "said",
    ["error: the disk is full: /x", "error: Docker is not running here", "error: no permission: build/"],
)
def test_what_this_machine_lacks_is_no_commit_that_does_not_build(tmp_path: Path, said: str) -> None:
    space = commit(tmp_path, ["aarch64"], ["test_aarch64", "test_x86_64"], 2, said)
    with pytest.raises(InfraError, match=r"HEAD .* could not be tested") as caught:
        rows(space)
    assert caught.value.exit_code == 2


def test_whoever_is_killed_leaves_no_process_and_its_files_to_the_next_sweep(tmp_path: Path) -> None:
    space = commit(tmp_path, [], ["test_aarch64"], 0)
    (space.root / "doit.py").write_text(
        "import os, pathlib, sys, time\n"
        "print('test_aarch64')\n"
        "if sys.argv[1] != 'list':\n"
        f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(60)\n"
    )
    git(space.root, "commit", "--quiet", "--all", "--message=two")
    script = (
        "import sys; from pathlib import Path; from parity.compare import checkout_run, revision\n"
        "from parity.report.terminal import Screen; from parity.build.workspace import Workspace\n"
        "space = Workspace(Path(sys.argv[1]), Path(sys.argv[2]), Screen())\n"
        "checkout_run.rows(space, revision.resolve(space.root, 'HEAD'), ['aarch64'], [])\n"
    )
    command = [sys.executable, "-c", script, str(space.root), str(space.cache)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        assert until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()), 30)
        process.kill()
    child = Path("/proc", (tmp_path / "pid").read_text(), "cwd")
    assert until(lambda: not child.exists())
    assert len(left(space)) == 1
    assert host.sweep(space.cache) == 1
    assert left(space) == []
    assert git(space.root, "worktree", "list").count("\n") == 0
