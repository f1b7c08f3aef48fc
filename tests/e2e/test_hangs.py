"""Autopsies of real guests of the reference kernel, which hang and die because they are told to."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bare_guest
import frames
import pytest
from bare_guest import End, Port
from checkout import Checkout

from parity.autopsy import document, snapshot
from parity.autopsy.diagnose import Autopsy, autopsy
from parity.autopsy.locations import Programs
from parity.build import disk
from parity.build.workspace import Workspace
from parity.docker import images
from parity.docker.engine import Engine
from parity.guest.guest import run_guest
from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, LaneSize
from parity.guest.observer import Hook
from parity.judge.serial import Line
from parity.judge.state import State
from parity.judge.verdict import Verdict
from parity.report import log
from parity.report.terminal import Screen
from parity.results.evidence import Evidence
from parity.run import suite_run
from parity.run.evidence_runner import EvidenceRunner
from parity.spec import machine, tree
from parity.spec.machine import RunSpec
from parity.spec.suite import Test
from parity.store.store import Store

pytestmark = [pytest.mark.docker, pytest.mark.thorough]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def runner(here: Checkout) -> Iterator[EvidenceRunner]:
    space = Workspace(here.folder, here.cache, Screen())
    yield EvidenceRunner(space, tree.load(space.root / "trees" / "reference.yaml").panic_patterns, log.render)


def spec(runner: EvidenceRunner, arch: str, features: str, command_line: str) -> RunSpec:
    """One guest."""
    space, reference = runner.space, tree.load(runner.space.root / "trees" / "reference.yaml")
    made = suite_run.built(space, reference, arch, features)
    image = disk.whole(space, reference, arch, made.programs)
    like = suite_run.spec(reference, Test("autopsy", "autopsy", {arch: Verdict.PASS}, None), made, image)
    return replace(like, cmdline=command_line, cpu_budget_s=3.0)


def run(runner: EvidenceRunner, arch: str, features: str, command_line: str) -> Evidence:
    """What is seen of one guest, whatever is known of it."""
    seen: list[Evidence] = []

    def keep(_: RunSpec, found: Evidence) -> None:
        seen.append(found)

    runner.run([spec(runner, arch, features, command_line)], lanes=1, on_done=keep, fresh=True)
    return seen[0]


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
def test_the_disks_lock_kept_on_the_way_to_user_space(runner: EvidenceRunner, arch: str) -> None:
    seen = run(runner, arch, "planted_faults", "init=/bin/file_read_test fault=user_keeps_disk_lock")
    assert (seen.verdict, seen.failure_kind) == ("hang", "self-deadlock")
    assert seen.sentence is not None
    for what in ("kernel::fs::disk::VOLUME", "kernel/core/src/drivers/block_cache.rs:", "BlockCache::"):
        assert what in seen.sentence
    log = runner.log(seen)
    assert log is not None
    text = (runner.space.root / log).read_text(encoding="utf-8")
    assert "autopsy: self-deadlock" in text
    assert seen.sentence in text
    (runner.space.root / log).unlink()
    again = runner.log(seen)
    assert again == log
    assert (runner.space.root / log).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
@pytest.mark.parametrize(
    ("command_line", "verdict", "word", "says"),
    [
        (
            "canary=spin_irqs_off",
            "hang",
            "interrupts off",
            "kernel::canary::stuck::spin (kernel/core/src/canary/",
        ),
        ("canary=sleep_forever", "hang", "lost wake-up", "no thread is left to run"),
        ("init=/bin/canary_sleeps", "hang", "self-deadlock", "kernel/core/src/fs/pipe.rs:"),
        ("init=/bin/canary_spins", "hang", "user loop", "canary_spins"),
        ("panic_at=rootfs", "panic", "panic", "kernel::canary::chosen::at_stage (kernel/core/src/canary/"),
        ("canary=reset", "crash", "unknown", "guest-reset"),
    ],
)
def test_what_was_the_matter(
    runner: EvidenceRunner, arch: str, command_line: str, verdict: str, word: str, says: str
) -> None:
    seen = run(runner, arch, "canaries", command_line)
    assert (seen.verdict, seen.failure_kind) == (verdict, word)
    assert says in str(seen.sentence)
    assert seen.autopsy is not None
    found = document.parse(gzip.decompress(runner.space.store.read(seen.autopsy)))
    assert found is not None
    assert (found.diagnosis.kind, found.findings.missing) == (word, ())


@pytest.mark.parametrize("arch", ["aarch64", "x86_64"])
def test_a_kernel_without_symbols_is_told_by_its_notes(
    runner: EvidenceRunner, docker: Engine, qemu: images.Image, tmp_path: Path, arch: str
) -> None:
    store, asked = runner.space.store, spec(runner, arch, "canaries", "canary=deadlock_of_joins")
    elf = bytearray(store.read(asked.kernel))
    struct.pack_into("<Q", elf, 0x28, 0)  # where its sections are,
    struct.pack_into("<HHH", elf, 0x3A, 0, 0, 0)  # and how many

    def look(inspector: Inspector | None, state: State, _: tuple[Line, ...]) -> Autopsy:
        stripped = Programs().get("", lambda: bytes(elf))
        assert not stripped.kernel.symbols
        return autopsy(snapshot.findings(inspector, arch, lambda: stripped, state, ()))

    lane = DockerLane.open(docker, qemu.id, store, LaneSize.of([asked], store))
    try:
        place = tmp_path / "recording.jsonl"
        seen = run_guest(lane, asked, (), place, Hook(look, bad_only=True)).observation
    finally:
        lane.close()
    assert isinstance(seen, Autopsy)
    assert (seen.diagnosis.kind, seen.findings.missing) == ("deadlock", ())
    assert "thread 2 (left) waits at kernel/core/src/thread/kthread.rs:" in seen.diagnosis.sentence


def test_a_guest_that_is_well_has_none(runner: EvidenceRunner) -> None:
    seen = run(runner, "aarch64", "canaries", "init=/bin/init")
    assert (seen.verdict, seen.failure_kind, seen.autopsy) == ("pass", None, None)


class Bench:
    """A lane for guests of a dozen instructions, which have neither symbols nor a table of threads."""

    def __init__(self, docker: Engine, qemu: images.Image, folder: Path) -> None:
        self.store, self.folder = Store(folder / "store"), folder
        self.store.put_bytes(b"")  # a lane mounts what is there
        self.lane = DockerLane.open(docker, qemu.id, self.store, LaneSize(1, 256, 1))
        self._engine = docker

    def look(self, on: str, end: End, *writes: tuple[Port, bytes], freeze: bool = False) -> Autopsy | None:
        """The autopsy of such a guest; its emulator is stopped by a signal before, if it is to `freeze`."""
        model = machine.load(ROOT / "machines" / f"{on}.yaml")
        elf = bare_guest.elf(writes, end, model.arch)
        spec = RunSpec("bare", model.arch, self.store.put_bytes(elf), None, model, "", cpu_budget_s=2.0)

        def look(inspector: Inspector | None, state: State, lines: tuple[Line, ...]) -> Autopsy:
            if freeze:
                stop = "kill -STOP $(pidof qemu-system-aarch64)"
                self._engine.execute(self.lane.id, ["sh", "-c", stop])
            console = [line.text for line in lines]
            return autopsy(
                snapshot.findings(
                    inspector, model.arch, lambda: Programs().get("", lambda: elf), state, console
                )
            )

        hook, place = Hook(look, bad_only=True), self.folder / "recording.jsonl"
        found = run_guest(self.lane, spec, ("KERNEL PANIC:",), place, hook).observation
        assert found is None or isinstance(found, Autopsy)
        return found


@pytest.mark.parametrize("on", ["qemu-virt", "qemu-microvm"])
def test_other_kernels_are_told_by_their_processors_alone(
    docker: Engine, qemu: images.Image, tmp_path: Path, on: str
) -> None:
    bench = Bench(docker, qemu, tmp_path)
    hello, line = (Port.CHANNEL, frames.hello()), (Port.CONSOLE, b"Booting\n")
    try:
        found = {
            "never booted": bench.look(on, End.SPIN),
            "interrupts off": bench.look(on, End.SPIN, hello, line),
            "panic": bench.look(on, End.POWER_OFF, hello, (Port.CHANNEL, frames.panic("at: b"))),
            "unknown": bench.look(on, End.RESET, hello),
        }
        asleep = bench.look(on, End.SLEEP, hello, line)
        well = bench.look(on, End.POWER_OFF, (Port.CHANNEL, frames.good_run()))
    finally:
        bench.lane.close()
    told = {word: each.diagnosis.kind for word, each in found.items() if each}
    assert told == {word: word for word in found}, found
    assert asleep is not None
    assert asleep.diagnosis.kind == "unknown"  # what it waits for, only its kernel could tell
    assert all(spot.halted for spots in asleep.findings.samples for spot in spots)
    assert well is None


def test_an_emulator_that_does_not_answer_is_told_and_ended(
    docker: Engine, qemu: images.Image, tmp_path: Path
) -> None:
    bench = Bench(docker, qemu, tmp_path)
    try:
        stalled = bench.look("qemu-virt", End.SLEEP, (Port.CHANNEL, frames.hello()), freeze=True)
        again = bench.look("qemu-virt", End.SLEEP, (Port.CHANNEL, frames.hello()))
    finally:
        bench.lane.close()
    assert stalled is not None
    assert stalled.diagnosis.kind == "emulator stalled"
    assert again is not None
    assert again.findings.stalled is None
    assert len(again.findings.samples) > 5
