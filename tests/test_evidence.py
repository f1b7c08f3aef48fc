"""The ledger: append-only, and no line is lost to a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity.errors import MachineError
from parity.evidence import Evidence, Ledger, summed

KEY = "ab" + "0" * 62
FIRST = Evidence(
    *(KEY, "fork_test", "aarch64", "fail", "PID 1 ended with status 3", None, 0.3, "a" * 64, None),
    *("QEMU 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)
SECOND = replace(FIRST, verdict="pass", guest_s=0.1)


def test_what_was_seen_comes_back_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.of(KEY) == []
    ledger.append(FIRST)
    ledger.append(SECOND)
    assert Ledger(tmp_path).of(KEY) == [FIRST, SECOND]
    assert ledger.of("cd" + "0" * 62) == []


def test_a_line_cut_short_costs_no_other_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(FIRST)
    (place,) = tmp_path.rglob("*.jsonl")
    with place.open("a") as file:
        file.write('{"arch": "aarch64", "cau')
    ledger.append(SECOND)
    assert ledger.of(KEY) == [FIRST, SECOND]


def test_all_that_was_seen_is_one_verdict() -> None:
    assert summed([]) is None
    assert summed([SECOND, SECOND]) == SECOND
    assert summed([FIRST, replace(FIRST, verdict="hang")]) == replace(FIRST, verdict="hang")


@pytest.mark.parametrize("order", [[FIRST, SECOND, SECOND], [SECOND, FIRST, SECOND], [SECOND, SECOND, FIRST]])
def test_pass_and_fail_under_one_key_is_flaky_in_any_order(order: list[Evidence]) -> None:
    found = summed(order)
    assert found is not None
    assert found.verdict == "flaky"
    assert found.cause == "passed 2 of 3 times; the last failure: fail: PID 1 ended with status 3"
    assert found.guest_s is None  # the failing run is the one that is shown


def test_fresh_counts_anew_and_still_shows_old_failures() -> None:
    found = summed([FIRST, SECOND, replace(SECOND, fresh=True), SECOND])
    assert found is not None
    assert found.verdict == "pass"
    assert found.cause.endswith("; 1 did not pass before fresh=1")


def test_a_ledger_that_cannot_be_written_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("in the way")
    with pytest.raises(MachineError, match="evidence cannot be written"):
        Ledger(tmp_path).append(FIRST)
