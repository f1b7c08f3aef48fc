"""How a stopped machine is sampled."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from parity.autopsy.findings import CodeLocation, PcSample
from parity.autopsy.sample_rules import MIN_SAMPLES
from parity.autopsy.snapshot import SAMPLES, Snapshot


class Running:
    """A machine that runs, with one processor."""

    def qmp(self, execute: str, **_: Any) -> Any:
        return {"status": "paused"} if execute == "query-status" else {}

    def registers(self) -> list[dict[str, int]]:
        return [{}]


@pytest.mark.parametrize(("step_s", "count"), [(0.0, SAMPLES), (10.0, MIN_SAMPLES)])
def test_a_busy_host_takes_as_many_samples_as_a_diagnosis_needs(
    step_s: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0.0, step_s)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    machine = object.__new__(Snapshot)
    monkeypatch.setattr(machine, "_inspector", Running(), raising=False)
    monkeypatch.setattr(
        machine, "_spot", lambda _: PcSample(CodeLocation(1), False, False, False, False), raising=False
    )
    assert len(machine._samples()) == count
