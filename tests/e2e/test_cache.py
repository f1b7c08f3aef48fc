"""What is kept, as people meet it: the command as a process, in a copy of this checkout."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from checkout import Checkout

from parity.build import cargo_cache
from parity.core import host
from parity.run.run_log import RunLog
from parity.store.store import Outputs, Store, action_key


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of this checkout whose store holds nothing."""
    return Checkout.copy(tmp_path / "checkout", tmp_path / "cache")


@pytest.fixture
def known(tmp_path: Path) -> Checkout:
    """A copy on the session's store, where most things need not be made again."""
    return Checkout.copy(tmp_path / "checkout", host.cache_dir())


def fill(cache: Path) -> list[Path]:
    """Three blobs of a MiB, each last used a day after the one before; the action of the first."""
    store, places = Store(cache), []
    for number in range(3):
        digest = store.put_bytes(bytes([number + 1]) * 2**20)
        store.record(action_key("disk", {"number": number}), "disk", Outputs({"disk": digest}))
        places.append(store.local(digest))
        os.utime(places[-1], (86400 * number, 86400 * number))
    return places


def of_stage(cache: Path, stage: str) -> list[Path]:
    """The blobs that actions of a stage gave."""
    records = (json.loads(record.read_text()) for record in cache.glob("actions/*/*.json"))
    digests = (digest for each in records if each["stage"] == stage for digest in each["outputs"].values())
    return [Store(cache).local(digest) for digest in digests]


def test_gc_removes_the_least_recently_used_down_to_the_limit(checkout: Checkout) -> None:
    places = fill(checkout.cache)
    said = checkout.says("gc")
    assert "3 × disk, unused for" in said and "removed 0.000 GiB in 0 blobs" in said
    said = checkout.says("limit=0.002", "gc")  # room for two
    assert [place.exists() for place in places] == [False, True, True]
    assert "in 1 blobs" in said


def test_clean_takes_one_tasks_outputs_and_no_blob(checkout: Checkout) -> None:
    places = fill(checkout.cache)
    logs = checkout.folder / "build" / "logs" / "aarch64"
    logs.mkdir(parents=True)
    for name in ("dup_test-0.log", "fork_test-0.log", "kthread-0.log"):
        (logs / name).touch()
    checkout.says("clean", "-n", "test_aarch64:dup_test")
    assert (logs / "dup_test-0.log").exists()
    checkout.says("clean", "test_aarch64:dup_test")
    assert sorted(path.name for path in logs.iterdir()) == ["fork_test-0.log", "kthread-0.log"]
    checkout.says("clean", "kthread_parallel")
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
def test_a_users_mistake_is_3(checkout: Checkout, words: list[str], complaint: str) -> None:
    status, said = checkout.doit(*words)
    assert status == 3, said
    assert complaint in said and "Traceback" not in said


@pytest.mark.docker
def test_gc_spares_what_a_running_command_uses_and_nothing_else(checkout: Checkout, here: Checkout) -> None:
    """On a new store, as this removes all that it may; the crates and what cargo made are the session's."""
    checkout.take_crates()
    checkout.take_compiled(here, "kernel", "programs")
    checkout.says("test_aarch64:fork_test")
    before = set(checkout.cache.glob("blobs/*/*")) - set(of_stage(checkout.cache, cargo_cache.STAGE))
    strangers = fill(checkout.cache)
    with checkout.start("fresh=1", "lanes=1", "test_aarch64") as command:
        assert command.stdout is not None
        for line in command.stdout:
            if line.startswith("1/"):
                break
        said = checkout.says("limit=0", "gc")
        assert "running commands use" in said
        rest = command.stdout.read()
        assert command.wait() == 0, rest
    assert not any(place.exists() for place in strangers)
    gone = {place for place in before if not place.exists()}
    assert len(gone) == 1, "the recording of the first run, which the second does not need"
    assert "they stay" not in checkout.says("limit=0", "gc")
    assert list(checkout.cache.glob("blobs/*/*")) == []
    said = checkout.says("test_aarch64:dup_test")  # all of it is made again
    assert "kernel aarch64-testing: done in" in said


@pytest.mark.docker
def test_the_disk_is_restored_forgotten_and_explained(known: Checkout) -> None:
    tree = known.folder / "trees" / "reference.yaml"
    before = tree.read_text()
    changed = before.replace("Truncate test file", "Truncate another file")
    known.says("disk:aarch64")
    assert "disk aarch64: nothing changed" in known.says("why:disk:aarch64")
    tree.write_text(changed)
    assert "files: /trunctest.txt changed" in known.says("why:disk:aarch64")
    known.says("disk:aarch64")
    tree.write_text(before)
    said = known.says("disk:aarch64")
    assert "disk aarch64: kept" in said  # A → B → A
    known.says("forget", "disk:aarch64")
    said = known.says("disk:aarch64")
    assert "disk aarch64: done in" in said and "userspace aarch64: kept" in said
    assert "disk aarch64: kept" in known.says("disk:aarch64")


@pytest.mark.docker
def test_a_kernels_copy_is_cleaned_and_its_neighbours_stay(known: Checkout) -> None:
    known.says("build_kernel:aarch64-testing", "build_kernel:aarch64-plain")
    kernels = known.folder / "build" / "kernels"
    testing, plain = (kernels / f"aarch64-{features}" / "kernel.elf" for features in ("testing", "plain"))
    before = plain.read_bytes()
    assert testing.read_bytes()[:4] == before[:4] == b"\x7fELF" and testing.read_bytes() != before
    known.says("clean", "build_kernel:aarch64-testing")
    assert not testing.exists() and plain.read_bytes() == before
    assert "kernel aarch64-testing: kept" in known.says("build_kernel:aarch64-testing")
    assert testing.exists()
    known.says("clean", "build_kernel")
    assert not kernels.exists() and not (known.folder / "build" / "cargo" / "kernel").exists()


@pytest.mark.docker
@pytest.mark.parametrize(
    "task",
    [
        *("boot_aarch64", "boot_strict_aarch64", "boot_features_aarch64", "kthread_parallel"),
        *("kthread_mutants", "canaries", "planted_faults", "parity", "test_aarch64"),
    ],
)
def test_why_knows_what_a_task_is_made_of(checkout: Checkout, task: str) -> None:
    said = checkout.says(f"why:{task}")
    assert "image toolchain: " in said
    assert "kernel aarch64-" in said and "userspace aarch64: has not run in this checkout" in said


@pytest.mark.docker
def test_stress_runs_with_fresh_seeds_and_one_is_run_again(known: Checkout) -> None:
    said = known.says("kthread_parallel:3")
    assert "3 of 3 passed" in said
    runs = RunLog(known.folder / "build" / "report" / "kthread.jsonl").runs()
    assert len({run.seed for run in runs}) == 3
    assert all((known.folder / run.log).is_file() for run in runs)
    said = known.says(f"kthread_replay:{runs[0].id}")
    assert "reproduced" in said and str(runs[0].seed) in said


@pytest.mark.docker
def test_a_guest_that_ended_before_a_kill_can_be_run_again(known: Checkout) -> None:
    with known.start("lanes=1", "kthread_parallel:40") as command:
        assert command.stdout is not None
        for line in command.stdout:
            if line.startswith("2/"):
                break
        command.kill()
    runs = RunLog(known.folder / "build" / "report" / "kthread.jsonl").runs()
    assert len(runs) >= 2
    assert "reproduced" in known.says(f"kthread_replay:{runs[-1].id}")


@pytest.mark.docker
def test_a_lost_wake_up_is_found(known: Checkout) -> None:
    said = known.says("kthread_mutants")
    assert "park_loses_wakeup is found" in said
    assert "log:" not in said  # which names a surprise
