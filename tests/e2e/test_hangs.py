"""Autopsies of real guests of the reference kernel, which hang and die because they are told to."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from parity import disk, harness, host, tree
from parity.evidence import Evidence
from parity.gather import Gatherer
from parity.machine import RunSpec
from parity.report import autopsy as told
from parity.report.terminal import Screen
from parity.suite import Test
from parity.verdict import Verdict
from parity.workspace import Workspace

pytestmark = [pytest.mark.docker, pytest.mark.thorough]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def gatherer() -> Iterator[Gatherer]:
    space = Workspace(ROOT, host.cache_dir(), Screen())
    yield Gatherer(space, tree.load(ROOT / "trees" / "reference.yaml").panic_patterns)


def run(gatherer: Gatherer, arch: str, features: str, command_line: str) -> Evidence:
    """What is seen of one guest, whatever is known of it."""
    space, reference = gatherer.space, tree.load(ROOT / "trees" / "reference.yaml")
    made = harness.built(space, reference, arch, features)
    image = disk.whole(space, reference, arch, made.programs)
    spec = harness.spec(reference, Test("autopsy", "autopsy", {arch: Verdict.PASS}, None), made, image)
    seen: list[Evidence] = []

    def keep(_: RunSpec, found: Evidence) -> None:
        seen.append(found)

    gatherer.run([replace(spec, cmdline=command_line, cpu_budget_s=3.0)], lanes=1, on_done=keep, fresh=True)
    return seen[0]


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
def test_the_disks_lock_kept_on_the_way_to_user_space(gatherer: Gatherer, arch: str) -> None:
    seen = run(gatherer, arch, "planted_faults", "init=/bin/file_read_test fault=user_keeps_disk_lock")
    assert (seen.verdict, seen.word) == ("hang", "self-deadlock")
    assert seen.sentence is not None
    for what in ("kernel::fs::disk::VOLUME", "kernel/core/src/drivers/block_cache.rs:", "BlockCache::"):
        assert what in seen.sentence
    log = gatherer.log(seen)
    assert log is not None
    text = (ROOT / log).read_text(encoding="utf-8")
    assert "autopsy: self-deadlock" in text
    assert seen.sentence in text
    (ROOT / log).unlink()
    again = gatherer.log(seen)
    assert again == log
    assert (ROOT / log).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
@pytest.mark.parametrize(
    ("command_line", "verdict", "word", "says"),
    [
        ("canary=spin_irqs_off", "hang", "interrupts off", "kernel_main"),
        ("canary=sleep_forever", "hang", "lost wake-up", "no thread is left to run"),
        ("init=/bin/canary_sleeps", "hang", "lost wake-up", "kernel/core/src/fs/pipe.rs:"),
        ("init=/bin/canary_spins", "hang", "user loop", "canary_spins"),
        ("panic_at=rootfs", "panic", "panic", "kernel::stage::reach (kernel/core/src/canary.rs:"),
        ("canary=reset", "crash", "unknown", "guest-reset"),
    ],
)
def test_what_was_the_matter(
    gatherer: Gatherer, arch: str, command_line: str, verdict: str, word: str, says: str
) -> None:
    seen = run(gatherer, arch, "canaries", command_line)
    assert (seen.verdict, seen.word) == (verdict, word)
    assert says in str(seen.sentence)
    assert seen.autopsy is not None
    found = told.parse(gzip.decompress(gatherer.space.store.read(seen.autopsy)))
    assert found is not None
    assert (found.diagnosis.word, found.findings.missing) == (word, ())


def test_a_guest_that_is_well_has_none(gatherer: Gatherer) -> None:
    seen = run(gatherer, "aarch64", "canaries", "init=/bin/init")
    assert (seen.verdict, seen.word, seen.autopsy) == ("pass", None, None)
