"""Another commit, from a real repository made here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parity.compare import revision
from parity.core.errors import UserError


def git(root: Path, *arguments: str) -> str:
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(root), *author, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Two commits of a file, and a change that is not committed."""
    root = tmp_path / "checkout"
    (root / "folder").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    for text in ("first", "second"):
        (root / "folder" / "file").write_text(text)
        git(root, "add", ".")
        git(root, "commit", "--quiet", f"--message={text}")
    (root / "folder" / "file").write_text("not committed")
    return root


def test_a_commit_is_found_by_every_name_it_has(checkout: Path) -> None:
    first = git(checkout, "rev-parse", "HEAD~1")
    git(checkout, "tag", "v1", first)
    for name in ("HEAD~1", "v1", first, first[:8], "main^"):
        assert revision.resolve(checkout, name).commit == first
    assert str(revision.resolve(checkout, "v1")) == f"v1 ({first[:12]})"
    assert str(revision.resolve(checkout, first[:8])) == first[:8]


@pytest.mark.parametrize("name", ["v2", "", "--all", "HEAD:folder", "HEAD~7", "HEAD..main"])
def test_what_is_no_commit_is_a_users_mistake(checkout: Path, name: str) -> None:
    with pytest.raises(UserError, match="there is no commit"):
        revision.resolve(checkout, name)


def test_outside_a_checkout_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="is no Git checkout"):
        revision.resolve(tmp_path, "HEAD")


def test_its_files_appear_and_the_repository_does_not_change(checkout: Path, tmp_path: Path) -> None:
    def state() -> tuple[str, ...]:
        return tuple(
            git(checkout, *words)
            for words in (["status", "--short"], ["worktree", "list"], ["stash", "list"])
        )

    before, tree = state(), tmp_path / "scratch" / "tree"
    revision.check_out(checkout, revision.resolve(checkout, "HEAD~1"), tree)
    assert [path.name for path in tree.parent.iterdir()] == ["tree"]
    assert (tree / "folder" / "file").read_text() == "first"
    assert (checkout / "folder" / "file").read_text() == "not committed"
    assert state() == before


def test_a_commit_that_a_shallow_clone_lacks(checkout: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", checkout.as_uri(), str(shallow))
    with pytest.raises(UserError, match="no commit 'HEAD~1' in this checkout, a shallow clone") as caught:
        revision.resolve(shallow, "HEAD~1")
    assert "git fetch --unshallow" in str(caught.value)
    assert revision.resolve(shallow, "HEAD").commit == git(checkout, "rev-parse", "HEAD")
