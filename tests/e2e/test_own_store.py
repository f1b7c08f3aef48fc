"""End-to-end tests leave the user's store and build folder alone: some of them, run as a user runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import own_store
import pytest
from checkout import Checkout
from own_store import listing

# A test counted anew, a stage forgotten and made again, a copy for people.
SAMPLE = (
    "test_commands.py::test_one_test_passes_updates_its_row_and_is_not_run_again",
    "test_cache.py::test_the_disk_is_restored_forgotten_and_explained",
    "test_commands.py::test_no_path_of_this_machine_is_in_the_kernel",
)
STORED = ("actions", "blobs", "evidence", "cargo", "images")


def state(user: Checkout) -> list[dict[str, tuple[int, int]]]:
    """Every file that a user's commands have left."""
    return [listing(user.folder / "build"), *(listing(user.cache / name) for name in STORED)]


@pytest.mark.docker
def test_the_users_evidence_and_build_folder_stay_as_they_are(tmp_path: Path) -> None:
    user = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    user.take_made("disk:aarch64", "build_kernel:aarch64-testing")
    user.says("test_aarch64:fork_test")
    before = state(user)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"tests/e2e/{name}" for name in SAMPLE)],
        cwd=user.folder,
        env=user.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and f"{len(SAMPLE)} passed" in done.stdout, done.stdout
    assert state(user) == before
    assert not list((user.cache / "tmp").iterdir())


def test_processes_of_a_session_share_a_store_that_the_last_one_removes(tmp_path: Path) -> None:
    users = tmp_path / "cache"
    blob = users / "blobs" / "ab" / "abcd"
    for file in (blob, users / "evidence" / "seen.jsonl", users / "cargo" / "crate"):
        file.parent.mkdir(parents=True)
        file.write_text("content")
    with own_store.opened(users, "one") as first:
        with own_store.opened(users, "one") as second, own_store.opened(users, "two") as other:
            assert first == second != other
        assert first.cache.is_dir() and not other.cache.exists()
        linked, copied = (first.cache / "blobs" / "ab" / "abcd"), (first.cache / "cargo" / "crate")
        assert linked.samefile(blob) and not copied.samefile(users / "cargo" / "crate")
        assert not (first.cache / "evidence").exists()
        assert (first.folder / "pyproject.toml").is_file()
    assert list((users / "tmp").iterdir()) == []
