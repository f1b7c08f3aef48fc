"""Lanes with a real Docker and a real QEMU: every verdict earned by a guest, and nothing left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import bare_guest
import frames
import pytest
from bare_guest import CHANNEL, CONSOLE, End, Port
from waiting import killed_at_last, until

from parity.core import host
from parity.docker import engine, images
from parity.docker.engine import Engine
from parity.docker.owner import OWNER_LABEL
from parity.guest.guest import GuestRun, judge_recording, run_guest
from parity.guest.lane import DockerLane, LaneError, LaneSize
from parity.report.terminal import Screen
from parity.run.runner import Job, Pool, Result
from parity.spec import machine
from parity.spec.machine import RunSpec
from parity.store.store import Store

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
PATTERNS = ("KERNEL PANIC:",)
GOOD = (CHANNEL, frames.good_run())
SIZE = LaneSize(vcpus=1, memory_mib=256, disk_mib=4)


class Workbench:
    """An engine with an owner of its own, the image of the lanes, a store, and guests put into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = engine.connect(folder)
        self.image = images.ensure(self.engine, "qemu", ROOT, host.cache_dir(), Screen()).id
        self.store = Store(folder / "store")
        self.disk = self.store.put_bytes(b"a disk" + bytes(4 * 1024 * 1024 - 6))

    def spec(
        self, *writes: tuple[Port, bytes], end: End = End.POWER_OFF, on: str = "qemu-virt", **changes: Any
    ) -> RunSpec:
        model = machine.load(ROOT / "machines" / f"{on}.yaml")
        kernel = self.store.put_bytes(bare_guest.elf(writes, end, model.arch))
        base = RunSpec("fork_test", model.arch, kernel, self.disk, model, "init=/bin/fork_test")
        return replace(base, **changes)

    def lane(self) -> DockerLane:
        return DockerLane.open(self.engine, self.image, self.store, SIZE)

    def run(self, lane: DockerLane, spec: RunSpec) -> GuestRun:
        return run_guest(lane, spec, PATTERNS, self.folder / "recording.jsonl")

    def containers(self) -> int:
        return count(self.engine)


def count(connected: Engine) -> int:
    labels = {"label": f"{OWNER_LABEL}={connected.owner.id}"}
    return len(connected.client.api.containers(all=True, filters=labels))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("lanes"))


@pytest.fixture(scope="module")
def lane(bench: Workbench) -> Iterator[DockerLane]:
    opened = bench.lane()
    yield opened
    opened.close()


@pytest.mark.parametrize("on", ["qemu-virt", "qemu-microvm"])
def test_every_verdict_is_earned(bench: Workbench, on: str) -> None:
    panic = (CONSOLE, b"KERNEL PANIC: no memory")
    spec = partial(bench.spec, on=on)
    specs = {
        "pass": spec((CONSOLE, b"hello\n"), GOOD),
        "fail": spec((CHANNEL, frames.good_run(status=3))),
        "fail forged": spec((CONSOLE, frames.good_run()), (CHANNEL, frames.good_run(status=1))),
        "fail damaged": spec((CHANNEL, frames.good_run() + b"PR")),
        "panic early": spec(panic, end=End.SPIN, cpu_budget_s=4.0),
        "panic after success": spec((CHANNEL, frames.good_run() + frames.panic("late"))),
        "crash at once": spec(),
        "crash by reset": spec(GOOD, end=End.RESET),
        "crash after hello": spec((CHANNEL, frames.hello())),
        "hang asleep": spec(GOOD, end=End.SLEEP),
        "hang spinning": spec((CHANNEL, frames.hello()), end=End.SPIN, cpu_budget_s=4.0),
        "hang flooding": spec((CHANNEL, frames.hello()), end=End.FLOOD, cpu_budget_s=4.0),
        "infra no emulator": no_emulator(spec(GOOD)),
        "infra bad argument": bad_argument(spec(GOOD)),
    }
    if on == "qemu-microvm":
        specs["crash by another status"] = spec(GOOD, end=End.EXIT_ZERO)
    jobs = [
        Job(replace(each, test=name), str(bench.folder / f"{name}.jsonl"), PATTERNS)
        for name, each in specs.items()
    ]
    before = bench.containers()
    with Pool(bench.lane, 2) as pool:
        results = {result.job.spec.test: result for result in pool.run(jobs)}
    assert bench.containers() == before
    told = {name: str(result.run.judgement) for name, result in results.items()}
    verdicts = {name: result.run.judgement.verdict for name, result in results.items()}
    assert verdicts == {name: name.partition(" ")[0] for name in specs}, told
    assert "guest-reset" in told["crash by reset"], told
    for result in results.values():
        assert judge_recording(Path(result.job.recording)) == result.run
        assert result.lane_failures == ()


def no_emulator(spec: RunSpec) -> RunSpec:
    return replace(spec, machine=replace(spec.machine, emulator="qemu-system-none"))


def bad_argument(spec: RunSpec) -> RunSpec:
    return replace(spec, machine=replace(spec.machine, arguments=("-device", "no-such-device")))


def test_times_are_the_guests_own(bench: Workbench, lane: DockerLane) -> None:
    seen = bench.run(lane, bench.spec((CONSOLE, b"x" * 3000), GOOD))
    assert seen.guest_s is not None
    assert 0 <= seen.guest_s < seen.wall_s
    assert "".join(line.text for line in seen.lines) == "x" * 3000


def test_a_killed_emulator_is_infra_and_the_lane_goes_on(bench: Workbench, lane: DockerLane) -> None:
    spec = bench.spec((CHANNEL, frames.hello()), end=End.SPIN)

    class Killing:
        """The lane, and somebody who kills its emulator once the guest has spoken."""

        def run(self, spec: RunSpec) -> Iterator[Any]:
            pid = 0
            for message in lane.run(spec):
                if message.kind == "started":
                    pid = message.fields["pid"]
                if message.kind == "channel":
                    inside(bench, lane, "python3", "-c", f"import os; os.kill({pid}, 9)")
                yield message

        stop, close = lane.stop, lane.close

    seen = run_guest(Killing(), spec, PATTERNS, bench.folder / "killed.jsonl")
    assert seen.judgement.verdict == "infra"
    assert "killed from outside (signal 9)" in seen.judgement.cause
    assert bench.run(lane, bench.spec(GOOD)).judgement.verdict == "pass"


def inside(bench: Workbench, lane: DockerLane, *argv: str) -> str:
    """What a command prints in the lane's container."""
    output = bench.engine.client.containers.get(lane.id).exec_run(list(argv)).output
    assert isinstance(output, bytes)
    return output.decode()


def test_a_guest_writes_to_a_copy_of_its_own(bench: Workbench, lane: DockerLane) -> None:
    held, spec = [], bench.spec(end=End.SLEEP)
    for message in lane.run(spec):
        if message.kind == "started":
            pid = message.fields["pid"]
        if message.kind == "sample":
            held.append(inside(bench, lane, "head", "-c", "6", "/lane/disk.img"))
            held.append(inside(bench, lane, "ls", "-l", f"/proc/{pid}/fd"))
            lane.stop()
    assert held[0] == "a disk"
    assert "/lane/disk.img" in held[1]
    assert "/store" not in held[1]
    # Copies of kernels stay for the next guests, which may have been others' before; no disk does.
    left = inside(bench, lane, "ls", "-A", "/lane").split()
    assert spec.kernel in left
    assert "disk.img" not in left
    assert bench.store.local(bench.disk).read_bytes().startswith(b"a disk\0")


def test_what_does_not_fit_breaks_the_lane_not_the_guest(bench: Workbench, lane: DockerLane) -> None:
    large = bench.store.put_bytes(b"x" * (8 * 1024 * 1024))
    with pytest.raises(LaneError, match="No space left on device"):
        list(lane.run(bench.spec(GOOD, disk=large)))
    assert bench.run(lane, bench.spec(GOOD)).judgement.verdict == "pass"


def test_qmp_answers_while_a_guest_runs(bench: Workbench, lane: DockerLane) -> None:
    messages = lane.run(bench.spec((CHANNEL, frames.hello()), end=End.SPIN))
    kinds = []
    for message in messages:
        kinds.append(message.kind)
        if message.kind == "channel":
            assert lane.qmp("query-status")["return"]["status"] == "running"
            cpus = lane.qmp("query-cpus-fast")["return"]
            assert [cpu["cpu-index"] for cpu in cpus] == [0]
            assert "error" in lane.qmp("no-such-command")
            lane.stop()
    assert kinds[-1] == "exit"


def test_a_lane_is_shut_in(bench: Workbench, lane: DockerLane) -> None:
    container: Mapping[str, Any] = bench.engine.client.api.inspect_container(lane.id)
    settings, config = container["HostConfig"], container["Config"]
    assert settings["NetworkMode"] == "none"
    assert settings["ReadonlyRootfs"] is True
    assert settings["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in settings["SecurityOpt"]
    assert settings["NanoCpus"] == 2_000_000_000
    assert 0 < settings["PidsLimit"] < 200
    assert settings["Memory"] == (256 + 4 + 512) * 1024 * 1024
    assert settings["LogConfig"]["Type"] == "none"
    assert config["User"].split(":")[0] not in ("", "0")
    assert config["StdinOnce"] is True


def test_a_lane_that_dies_is_replaced_and_its_guest_runs_once_more(bench: Workbench) -> None:
    opened: list[DockerLane] = []

    def open_lane() -> DockerLane:
        opened.append(bench.lane())
        return opened[-1]

    before = bench.containers()
    sleeping = bench.spec((CHANNEL, frames.hello()), end=End.SLEEP)
    job = Job(sleeping, str(bench.folder / "dies.jsonl"))
    with Pool(open_lane, 1) as pool:
        results = pool.run([job])
        kill_when_running(bench, opened)
        (result,) = results
    assert result.run.judgement.verdict == "hang"
    assert len(result.lane_failures) == 1
    assert len(opened) == 2
    assert bench.containers() == before


def test_a_guest_under_which_two_lanes_die_is_infra(bench: Workbench) -> None:
    opened: list[DockerLane] = []

    def open_lane() -> DockerLane:
        opened.append(bench.lane())
        return opened[-1]

    job = Job(bench.spec((CHANNEL, frames.hello()), end=End.SLEEP), str(bench.folder / "dies.jsonl"))
    with Pool(open_lane, 1) as pool:
        results: Iterator[Result] = pool.run([job])
        kill_when_running(bench, opened)
        kill_when_running(bench, opened, 2)
        (result,) = results
    assert result.run.judgement.verdict == "infra"
    assert len(result.lane_failures) == 2


def kill_when_running(bench: Workbench, opened: list[DockerLane], number: int = 1) -> None:
    recording = bench.folder / "dies.jsonl"
    recording.unlink(missing_ok=True)
    assert until(lambda: len(opened) >= number and "channel" in text(recording), 30), "no guest came to life"
    bench.engine.client.containers.get(opened[-1].id).kill()


CLIENT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import test_lanes as t
bench = t.Workbench(Path(sys.argv[3]))
spec = bench.spec((t.CHANNEL, t.frames.hello()), end=t.End.SPIN, silence_s=1e6, cpu_budget_s=1e6)
jobs = [t.Job(spec, str(bench.folder / f"{number}.jsonl")) for number in range(3)]
try:
    with t.Pool(bench.lane, 2) as pool:
        print("ready", flush=True)
        for _ in pool.run(jobs):
            pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_its_client(tmp_path: Path, signal_number: int) -> None:
    connected = engine.connect(tmp_path)
    folders = [str(ROOT / "tests/e2e"), str(ROOT / "tests"), str(tmp_path)]
    command = [sys.executable, "-c", CLIENT, *folders]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True)
    with killed_at_last(process) as client:
        guests = [tmp_path / f"{number}.jsonl" for number in range(2)]
        assert until(lambda: all("channel" in text(guest) for guest in guests), 60), "no guest came to life"
        assert count(connected) == 2
        os.kill(client.pid, signal_number)
        out, errors = client.communicate(timeout=20)
        assert until(lambda: count(connected) == 0), "lanes outlived their client"
        if signal_number == signal.SIGINT:
            assert "interrupted" in out
            assert "Traceback" not in errors


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def test_guests_run_from_a_store_that_was_made_under_a_private_umask(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        private = Workbench(tmp_path)
        with closing(private.lane()) as lane:
            assert private.run(lane, private.spec(GOOD)).judgement.verdict == "pass"
    finally:
        os.umask(former)
    assert until(lambda: count(private.engine) == 0)
