"""Two commits, as people compare them: real commits in a copy of this checkout, on the user's own store."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from checkouts import Checkout

from parity import host

PROGRAM = Path("userspace", "tests", "fs", "dup_test.rs")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of this checkout whose files are one commit."""
    copy = Checkout.copied(tmp_path, host.cache_dir(), seeded=True)
    git(copy.root, "init", "--quiet", "--initial-branch=main")
    commit(copy, "first")
    return copy


def git(root: Path, *arguments: str) -> str:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(root), *author, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def commit(checkout: Checkout, name: str) -> None:
    git(checkout.root, "add", "--all")
    git(checkout.root, "commit", "--quiet", f"--message={name}")
    git(checkout.root, "tag", name)


def edit(checkout: Checkout, file: Path, old: str, new: str) -> None:
    text = (checkout.root / file).read_text(encoding="utf-8")
    assert old in text
    (checkout.root / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def moves(checkout: Checkout) -> list[dict[str, Any]]:
    found = json.loads((checkout.root / "build" / "report" / "compare.json").read_text())["moves"]
    return [dict(move) for move in found]


def test_a_commit_that_there_is_not_is_3_and_nothing_is_written(tmp_path: Path) -> None:
    checkout = Checkout.copied(tmp_path, tmp_path / "cache")
    git(checkout.root, "init", "--quiet", "--initial-branch=main")
    commit(checkout, "first")
    for word, complaint in (
        ("compare:v9", "there is no commit 'v9'"),
        ("compare", "compare:<rev> expected"),
    ):
        done = checkout.doit(word)
        assert done.returncode == 3
        assert complaint in done.stdout + done.stderr and "Traceback" not in done.stdout + done.stderr
    assert not (checkout.root / "build" / "report").exists()


@pytest.mark.docker
def test_a_program_that_one_commit_broke_is_a_regression_here_and_a_fix_from_there(
    checkout: Checkout,
) -> None:
    """The second commit changes one test program; what its guests are else made of is known."""
    edit(
        checkout,
        PROGRAM,
        "fn main(_: &Args) {",
        f'fn main(_: &Args) {{\n    check::equal("{uuid.uuid4()}", 1, 2);',
    )
    commit(checkout, "second")
    before = git(checkout.root, "status", "--short"), git(checkout.root, "worktree", "list")
    done = checkout.doit("only=dup_test", "compare:first")
    assert done.returncode == 1, done.stdout + done.stderr
    archs = [move["arch"] for move in moves(checkout)]
    assert "aarch64" in archs
    for move in moves(checkout):
        assert (move["test"], move["kind"]) == ("dup_test", "regression")
        assert (move["there"], move["here"]) == ("pass", "fail")
        assert move["others"] == {arch: "changed too" for arch in archs if arch != move["arch"]}
    assert before == (git(checkout.root, "status", "--short"), git(checkout.root, "worktree", "list"))

    git(checkout.root, "checkout", "--quiet", "first")
    said = checkout.says("only=dup_test", "compare:second")  # all of it is known by now
    assert {(move["test"], move["kind"]) for move in moves(checkout)} == {("dup_test", "fix")}
    assert "userspace aarch64: kept" in said


@pytest.mark.docker
def test_a_commit_that_does_not_build_is_125_on_either_side(checkout: Checkout) -> None:
    edit(checkout, Path("userspace", "ulib", "src", "lib.rs"), "#![no_std]", "#![no_std]\nfn no_body()")
    commit(checkout, "broken")
    done = checkout.doit("only=dup_test", "compare:first")
    assert done.returncode == 125, done.stdout + done.stderr
    assert "this checkout does not build" in done.stdout
    git(checkout.root, "checkout", "--quiet", "first")
    done = checkout.doit("only=dup_test", "compare:broken")
    assert done.returncode == 125, done.stdout + done.stderr
    assert done.stdout.count("no_body") > 0 and "broken (" in done.stdout
    assert "does not build" in done.stdout and "Traceback" not in done.stdout + done.stderr
