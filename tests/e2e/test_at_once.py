"""Several commands at once, in one checkout and in two that share a store: each ends as if it were alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from checkout import Checkout

from parity.core import host
from parity.run.run_log import RunLog
from parity.store.store import file_digest

pytestmark = pytest.mark.docker
MADE = ("disk:aarch64", "build_kernel:aarch64-testing", "build_kernel:aarch64-kthread_stress_test")


def finish(*started: tuple[Checkout, tuple[str, ...]]) -> None:
    """Runs all of these at once; each has to end as expected."""
    running = [(words, checkout.start(*words)) for checkout, words in started]
    ends = [(words, *process.communicate(), process.returncode) for words, process in running]
    for words, output, _, status in ends:
        assert status == 0, f"{words}: {output}"


def test_no_row_is_lost_and_every_report_is_whole(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    one, two = (Checkout.copy(tmp_path / name, cache) for name in ("one", "two"))
    one.take_made(*MADE)
    finish(
        (one, ("tag=process", "test_aarch64")),
        (one, ("tag=pipe", "test_aarch64")),
        (one, ("arch=aarch64", "kthread_parallel:2")),
        (one, ("arch=aarch64", "kthread_parallel:1")),
        (two, ("fresh=1", "tag=pipe", "test_aarch64")),
    )
    both = one.verdicts()
    assert len(both) == len(two.verdicts()) == 80
    ran = {name for name, verdict in both.items() if verdict == "pass"}
    assert {"fork_test", "waitpid_test", "pipe_fork_test", "pipe_concurrent_test"} <= ran
    assert {two.verdicts()[name] for name in ran if "pipe" in name} == {"pass"}
    for checkout in (one, two):
        report = checkout.folder / "build" / "report"
        cases = ET.parse(report / "junit.xml").getroot().iter("testcase")
        assert {case.get("name") for case in cases} == set(both)
        passed = sum(verdict == "pass" for verdict in checkout.verdicts().values())
        assert f"| aarch64 | {passed} | 80 |" in (report / "report.md").read_text()
    runs = RunLog(one.folder / "build" / "report" / "kthread.jsonl").runs()
    assert [run.verdict for run in runs] == ["pass"] * 3


def test_two_kernels_built_at_once_are_not_swapped(tmp_path: Path) -> None:
    """The store is the session's: there lies what each of them is when it is built alone."""
    checkout = Checkout.copy(tmp_path / "checkout", host.cache_dir())
    tasks = [f"build_kernel:aarch64-{features}" for features in ("plain", "testing")]
    alone = [kernel(checkout, task) for task in tasks]
    assert alone[0] != alone[1]
    for task in tasks:
        assert checkout.doit("forget", task)[0] == 0
    finish(*((checkout, (task,)) for task in tasks))
    assert [kernel(checkout, task) for task in tasks] == alone


def kernel(checkout: Checkout, task: str) -> str:
    """The digest of the kernel that a task gives, as it lies in the store."""
    status, output = checkout.doit(task)
    assert status == 0, output
    (path,) = (Path(word) for word in output.split() if "/blobs/" in word)
    assert file_digest(path) == path.name
    return path.name
