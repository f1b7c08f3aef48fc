"""The runs that a checkout remembers: each on the disk as it ends, whatever becomes of the command."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from test_stress import GOOD

from parity import runlog
from parity.errors import MachineError
from parity.runlog import RunLog

OTHER = replace(GOOD, id="ba9876543210", verdict="fail", cause="late")


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return RunLog(tmp_path / "report" / "kthread.jsonl")


def test_runs_come_back_in_their_order_and_the_last_of_a_name_counts(log: RunLog) -> None:
    assert log.runs() == []
    for run in (GOOD, OTHER, replace(GOOD, wall_s=2.0)):
        log.add(run)
    assert log.runs() == [OTHER, replace(GOOD, wall_s=2.0)]


def test_a_kill_loses_no_run_that_has_ended(log: RunLog) -> None:
    child = os.fork()
    if child == 0:
        log.add(GOOD)
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    log.add(OTHER)  # nor does the dead hold a lock
    assert log.runs() == [GOOD, OTHER]


@pytest.mark.parametrize("cut", ["{", '{"id": "0123', "[]", '{"another": "format"}', "\0\xff"])
def test_a_line_cut_by_a_kill_swallows_no_other(log: RunLog, cut: str) -> None:
    log.add(GOOD)
    with log.place.open("a", encoding="utf-8") as file:
        file.write(cut)
    log.add(OTHER)
    assert log.runs() == [GOOD, OTHER]


def test_the_file_does_not_grow_for_ever(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlog, "KEPT", 3)
    for number in range(5):
        log.add(replace(GOOD, id=str(number)))
    assert len(log.runs()) == 5  # not in the middle of a command
    log.trim()
    assert [run.id for run in log.runs()] == ["2", "3", "4"]


def test_a_full_disk_is_the_machines_fault(log: RunLog) -> None:
    log.place.parent.mkdir()
    log.place.symlink_to("/dev/full")
    with pytest.raises(MachineError, match="the disk is full"):
        log.add(GOOD)


def test_what_another_version_has_noted_is_counted_and_stays(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runlog, "KEPT", 1)
    theirs = json.dumps({**asdict(OTHER), "format": 2}), json.dumps({**asdict(OTHER), "new": 1})
    log.add(GOOD)
    with log.place.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in theirs)
    log.add(replace(GOOD, id="1"))
    assert [run.id for run in log.runs()] == [GOOD.id, "1"]
    log.trim()
    assert [run.id for run in log.runs()] == ["1"]
    assert log.unread() == list(theirs)


def test_a_run_from_before_there_were_formats_counts(log: RunLog) -> None:
    log.add(OTHER)
    assert json.loads(log.place.read_text())["format"] == 1
    log.place.write_text(json.dumps(asdict(OTHER)) + "\n")
    assert log.runs() == [OTHER] and log.unread() == []
