"""Attacks with a real Docker and real guests: a store that others write to, and a guest that floods."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import frames
import pytest
from bare_guest import CHANNEL, CONSOLE, End
from checkout import Checkout
from test_lanes import GOOD, Workbench

from parity.core.errors import MachineError
from parity.guest.lane import LaneError
from parity.judge.verdict import Verdict

pytestmark = [pytest.mark.docker, pytest.mark.attack]

TASK = "test_aarch64:true_test"
DAMAGES = [3, pytest.param(60, marks=pytest.mark.thorough)]  # to a store, a command after each


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A place to run guests that are a few instructions long."""
    bench = Workbench(tmp_path_factory.mktemp("attacks"))
    yield bench
    assert bench.containers() == 0


def test_a_flood_is_a_hang_that_says_what_it_wrote(bench: Workbench) -> None:
    lane = bench.lane()
    try:
        flood = bench.spec((CHANNEL, frames.hello()), end=End.FLOOD, cpu_budget_s=4.0, silence_s=60.0)
        seen = bench.run(lane, flood)
        assert seen.judgement.verdict is Verdict.HANG
        assert "CPU time" in seen.judgement.cause or "had written" in seen.judgement.cause
        assert bench.run(lane, bench.spec(GOOD)).judgement.verdict is Verdict.PASS
    finally:
        lane.close()


def test_a_guest_never_runs_what_was_written_into_the_store_meanwhile(bench: Workbench) -> None:
    for changed in ("kernel", "disk"):
        own = (CONSOLE, changed.encode())  # files of its own, which no other test needs
        good = bench.spec(own, GOOD, disk=bench.store.put_bytes(f"a disk of {changed}".encode()))
        assert good.disk is not None
        assert bench.store.intact(good.kernel) and bench.store.intact(good.disk)
        place = bench.store.local(good.kernel if changed == "kernel" else good.disk)
        place.chmod(0o644)
        with place.open("r+b") as blob:
            blob.seek(2)
            blob.write(b"!")
        lane = bench.lane()
        try:
            with pytest.raises(LaneError, match="was changed while it was used"):
                bench.run(lane, good)
        finally:
            lane.close()
            place.unlink()


@pytest.mark.skipif(os.getuid() != 0, reason="guests of other users run as themselves")
def test_a_store_that_guests_may_not_read_is_told_before_the_first(bench: Workbench) -> None:
    good = bench.spec((CONSOLE, b"closed"), GOOD, disk=None)
    bench.store.local(good.kernel).chmod(0o600)
    lane = bench.lane()
    try:
        with pytest.raises(MachineError, match=r"guests cannot read .*: Permission denied"):
            bench.run(lane, good)
    finally:
        lane.close()


def damaged(chance: random.Random, root: Path) -> str:
    """Damages a file or a folder of a store; what was done."""
    parts = [part for part in ("actions", "evidence", "blobs") if any((root / part).glob("*/*"))]
    files = sorted((root / chance.choice(parts)).glob("*/*"))
    place = chance.choice(files)
    what = chance.choice(["bit", "cut", "empty", "folder", "fifo", "link", "shelf", "mode"])
    content = place.read_bytes()
    if what == "mode":
        place.chmod(0)
    elif what == "shelf":
        place.parent.chmod(0)
    else:
        place.unlink()
    if what == "bit" and content:
        at = chance.randrange(len(content))
        place.write_bytes(content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :])
    elif what == "cut":
        place.write_bytes(content[: chance.randrange(len(content) + 1)])
    elif what == "empty":
        place.touch()
    elif what == "folder":
        place.mkdir()
    elif what == "fifo":
        os.mkfifo(place)
    elif what == "link":
        place.symlink_to("/dev/zero")
    return f"{what} at {place.relative_to(root)}"


@pytest.mark.parametrize("times", DAMAGES)
def test_a_damaged_store_gives_the_right_verdict_or_one_line(times: int, tmp_path: Path) -> None:
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    checkout.take_made("disk:aarch64", "build_kernel:aarch64-testing")
    checkout.says(TASK)
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(times):
        done = damaged(chance, checkout.cache)
        told = f"seed {seed}: {done}"
        status, said = checkout.doit(TASK)
        assert "a bug in Parity" not in said and "Traceback" not in said, f"{told}\n{said}"
        if status == 2:  # such as a FIFO in the place of evidence: told, and to be removed
            assert sum(line.startswith("error: ") for line in said.splitlines()) == 1, f"{told}\n{said}"
            place = checkout.cache / done.rpartition(" ")[2]
            assert str(place) in said, f"{told}\n{said}"
            shutil.rmtree(place, ignore_errors=True)
            place.unlink(missing_ok=True)
            status, said = checkout.doit(TASK)
        assert status == 0, f"{told}\n{said}"
        assert checkout.row("true_test")["verdict"] == Verdict.PASS, told
