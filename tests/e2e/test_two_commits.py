"""Two commits, as people compare them: real commits in a copy of this checkout, on the session's store."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from checkout import Checkout

from parity.core import host

PROGRAM = "userspace/tests/fs/dup_test.rs"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of this checkout whose files are one commit."""
    copy = Checkout.copy(tmp_path / "checkout", host.cache_dir())
    git(copy.folder, "init", "--quiet", "--initial-branch=main")
    commit(copy, "first")
    return copy


def git(root: Path, *arguments: str) -> str:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(root), *author, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def commit(checkout: Checkout, name: str) -> None:
    git(checkout.folder, "add", "--all")
    git(checkout.folder, "commit", "--quiet", f"--message={name}")
    git(checkout.folder, "tag", name)


def moves(checkout: Checkout) -> list[dict[str, Any]]:
    found = json.loads((checkout.folder / "build" / "report" / "compare.json").read_text())["moves"]
    return [dict(move) for move in found]


def test_a_commit_that_there_is_not_is_3_and_nothing_is_written(tmp_path: Path) -> None:
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    git(checkout.folder, "init", "--quiet", "--initial-branch=main")
    commit(checkout, "first")
    for word, complaint in (
        ("compare:v9", "there is no commit 'v9'"),
        ("compare", "compare:<rev> expected"),
    ):
        status, said = checkout.doit(word)
        assert status == 3, said
        assert complaint in said and "Traceback" not in said
    assert not (checkout.folder / "build" / "report").exists()


@pytest.mark.docker
def test_a_program_that_one_commit_broke_is_a_regression_here_and_a_fix_from_there(
    checkout: Checkout,
) -> None:
    """The second commit changes one test program; what its guests are else made of is known."""
    checkout.replace(
        PROGRAM,
        "fn main(_: &Args) {",
        f'fn main(_: &Args) {{\n    check::equal("{uuid.uuid4()}", 1, 2);',
    )
    commit(checkout, "second")
    before = git(checkout.folder, "status", "--short"), git(checkout.folder, "worktree", "list")
    status, said = checkout.doit("only=dup_test", "compare:first")
    assert status == 1, said
    archs = [move["arch"] for move in moves(checkout)]
    assert "aarch64" in archs
    for move in moves(checkout):
        assert (move["test"], move["kind"]) == ("dup_test", "regression")
        assert (move["there"], move["here"]) == ("pass", "fail")
        assert move["others"] == {arch: "changed too" for arch in archs if arch != move["arch"]}
    assert before == (git(checkout.folder, "status", "--short"), git(checkout.folder, "worktree", "list"))

    git(checkout.folder, "checkout", "--quiet", "first")
    said = checkout.says("only=dup_test", "compare:second")  # all of it is known by now
    assert {(move["test"], move["kind"]) for move in moves(checkout)} == {("dup_test", "fix")}
    assert "userspace aarch64: kept" in said


@pytest.mark.docker
def test_a_commit_that_does_not_build_is_125_on_either_side(checkout: Checkout) -> None:
    checkout.replace("userspace/ulib/src/lib.rs", "#![no_std]", "#![no_std]\nfn no_body()")
    commit(checkout, "broken")
    status, said = checkout.doit("only=dup_test", "compare:first")
    assert status == 125, said
    assert "this checkout does not build" in said
    git(checkout.folder, "checkout", "--quiet", "first")
    status, said = checkout.doit("only=dup_test", "compare:broken")
    assert status == 125, said
    assert said.count("no_body") > 0 and "broken (" in said
    assert "does not build" in said and "Traceback" not in said
