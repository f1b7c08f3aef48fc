"""Some hundred real guests: each emulator is told to quit once, and none dies of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import listening
import pytest
from test_lanes import GOOD, PATTERNS, Workbench

from parity.guest import lane
from parity.guest.observer import Hook
from parity.run.runner import Job, Pool
from parity.spec import machine
from parity.spec.machine import GuestPaths, RunSpec

pytestmark = pytest.mark.docker

GUESTS = 150  # per architecture
WATCH = Hook(lambda *_: None, bad_only=True)  # with which a guest is held, and let go before its end


def test_every_emulator_is_told_to_quit_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Workbench(tmp_path)
    script = bench.store.put_bytes(Path(listening.__file__).read_bytes())
    place = f"{lane.STORE}/{bench.store.local(script).relative_to(bench.store.root / 'blobs')}"

    def between(spec: RunSpec, paths: GuestPaths) -> list[str]:
        return ["python3", place, *machine.qemu_argv(spec, paths)]

    monkeypatch.setattr(lane, "qemu_argv", between)
    specs = [bench.spec(GOOD, on=on) for on in ("qemu-virt", "qemu-microvm")]
    jobs = [
        Job(spec, str(tmp_path / f"{spec.arch}-{number}.jsonl"), PATTERNS)
        for number in range(GUESTS)
        for spec in specs
    ]
    seen: Counter[Any] = Counter()
    with Pool(bench.lane, 2, lambda _: WATCH) as pool:
        for result in pool.run(jobs):
            state = result.run.state
            said = state.emulator_says.strip() if state else "no lane"
            seen[said, str(result.run.judgement)] += 1
    assert {key[0] for key in seen} == {f"{listening.SAYS}1"}, seen
    passed = "Judgement(verdict=<Verdict.PASS: 'pass'>, cause='PID 1 (fork_test) ended with status 0')"
    assert seen == {(f"{listening.SAYS}1", passed): len(jobs)}
