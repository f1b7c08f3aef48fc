"""What is kept, as people meet it: the command as a process, in a copy of this checkout."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parity import host
from parity.store import Outputs, Store, action_key

ROOT = Path(__file__).parent.parent.parent
DOIT = Path(sys.executable).parent / "doit"
SKIPPED = shutil.ignore_patterns(".venv", "build", ".git", "*.egg-info", ".*_cache", "__pycache__", "target")
Doit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout."""
    return Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=SKIPPED))


@pytest.fixture
def doit(checkout: Path, tmp_path: Path) -> Doit:
    """Runs doit there; its store is `tmp_path / "cache"` and holds nothing."""

    def run(*words: str, cache: Path = tmp_path / "cache") -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(checkout), "PARITY_CACHE": str(cache)}
        return subprocess.run(
            [str(DOIT), *words], cwd=checkout, env=env, capture_output=True, text=True, check=False
        )

    return run


def fill(cache: Path) -> list[Path]:
    """Three blobs of a MiB, each last used a day after the one before; the action of the first."""
    store, places = Store(cache), []
    for number in range(3):
        digest = store.put_bytes(bytes([number]) * 2**20)
        store.record(action_key("disk", {"number": number}), "disk", Outputs({"disk": digest}))
        places.append(store.path(digest))
        os.utime(places[-1], (86400 * number, 86400 * number))
    return places


def test_gc_removes_the_least_recently_used_down_to_the_limit(tmp_path: Path, doit: Doit) -> None:
    places = fill(tmp_path / "cache")
    done = doit("gc")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 × disk, unused for" in done.stdout and "removed 0.000 GiB in 0 blobs" in done.stdout
    done = doit("limit=0.002", "gc")  # room for two
    assert done.returncode == 0, done.stdout + done.stderr
    assert [place.exists() for place in places] == [False, True, True]
    assert "in 1 blobs" in done.stdout


def test_gc_removes_nothing_while_a_command_uses_the_store(tmp_path: Path, doit: Doit) -> None:
    places = fill(tmp_path / "cache")
    (tmp_path / "cache" / "locks").mkdir()
    with (tmp_path / "cache" / "locks" / "store.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        done = doit("limit=0", "gc")
        assert done.returncode == 2
        assert "a command is running" in done.stdout + done.stderr
    assert all(place.exists() for place in places)
    assert doit("limit=0", "gc").returncode == 0
    assert not any(place.exists() for place in places)


def test_clean_takes_one_tasks_outputs_and_no_blob(tmp_path: Path, checkout: Path, doit: Doit) -> None:
    places = fill(tmp_path / "cache")
    logs = checkout / "build" / "logs" / "aarch64"
    logs.mkdir(parents=True)
    for name in ("dup_test-0.log", "fork_test-0.log", "kthread-0.log"):
        (logs / name).touch()
    assert doit("clean", "-n", "test_aarch64:dup_test").returncode == 0
    assert (logs / "dup_test-0.log").exists()
    done = doit("clean", "test_aarch64:dup_test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in logs.iterdir()) == ["fork_test-0.log", "kthread-0.log"]
    assert doit("clean", "kthread_parallel").returncode == 0
    assert [path.name for path in logs.iterdir()] == ["fork_test-0.log"]
    assert all(place.exists() for place in places)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["why:disk:aarch46"], "did you mean 'why:disk:aarch64'?"),
        (["limit=much", "gc"], "limit=much: a number of GiB expected"),
        (["forget", "disk:aarch46"], "did you mean 'disk:aarch64'?"),
        (["forget"], "which task?"),
    ],
)
def test_a_users_mistake_is_3(doit: Doit, words: list[str], complaint: str) -> None:
    done = doit(*words)
    assert done.returncode == 3
    assert complaint in done.stderr and "Traceback" not in done.stderr


@pytest.mark.docker
def test_the_disk_is_restored_forgotten_and_explained(checkout: Path, doit: Doit) -> None:
    """On the user's own store, so that the programs need not be compiled; the disk's file is this test's."""
    cache = host.cache_dir()
    tree = checkout / "trees" / "reference.yaml"
    before = tree.read_text()
    changed = before.replace("Truncate test file", "Truncate another file")
    assert doit("disk:aarch64", cache=cache).returncode == 0
    assert "disk aarch64: nothing changed" in doit("why:disk:aarch64", cache=cache).stdout
    tree.write_text(changed)
    assert "files: /trunctest.txt changed" in doit("why:disk:aarch64", cache=cache).stdout
    assert doit("disk:aarch64", cache=cache).returncode == 0
    tree.write_text(before)
    done = doit("disk:aarch64", cache=cache)
    assert "disk aarch64: kept" in done.stdout  # A → B → A
    assert doit("forget", "disk:aarch64", cache=cache).returncode == 0
    done = doit("disk:aarch64", cache=cache)
    assert "disk aarch64: done in" in done.stdout and "userspace aarch64: kept" in done.stdout
    assert "disk aarch64: kept" in doit("disk:aarch64", cache=cache).stdout


@pytest.mark.docker
def test_stress_runs_with_fresh_seeds_and_one_is_run_again(checkout: Path, doit: Doit) -> None:
    cache = host.cache_dir()
    done = doit("kthread_parallel:3", cache=cache)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 passed" in done.stdout
    runs = json.loads((checkout / "build" / "report" / "kthread.json").read_text())["runs"]
    assert len({run["seed"] for run in runs}) == 3
    assert all((checkout / run["log"]).is_file() for run in runs)
    done = doit(f"kthread_replay:{runs[0]['id']}", cache=cache)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reproduced" in done.stdout and str(runs[0]["seed"]) in done.stdout


@pytest.mark.docker
def test_a_lost_wake_up_is_found(doit: Doit) -> None:
    done = doit("kthread_mutants", cache=host.cache_dir())
    assert done.returncode == 0, done.stdout + done.stderr
