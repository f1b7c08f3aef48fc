"""The ledger: append-only, and no line is lost to a kill."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from parity.core import record
from parity.core.errors import MachineError
from parity.results.evidence import FORMAT, Evidence, Ledger, Seen, summed
from parity.store import sealed

KEY = "ab" + "0" * 62
FIRST = Evidence(
    *(KEY, "fork_test", "aarch64", "fail", "PID 1 ended with status 3", None, 0.3, "a" * 64, None),
    *("QEMU 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)
SECOND = replace(FIRST, verdict="pass", guest_s=0.1)


def test_what_was_seen_comes_back_in_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.of(KEY) == Seen()
    ledger.append(FIRST)
    ledger.append(SECOND)
    assert Ledger(tmp_path).of(KEY) == Seen((FIRST, SECOND))
    assert ledger.of("cd" + "0" * 62) == Seen()


def test_a_line_cut_short_costs_no_other_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(FIRST)
    (place,) = tmp_path.rglob("*.jsonl")
    with place.open("a") as file:
        file.write('{"arch": "aarch64", "cau')
    ledger.append(SECOND)
    assert ledger.of(KEY) == Seen((FIRST, SECOND), unread=1, since=1)


def line(**values: object) -> str:
    return sealed.seal({"format": FORMAT, **record.as_values(FIRST), **values}).decode() + "\n"


VALUES: list[object] = ["1", -1, [], True, {}]
UNREADABLE = [
    line(format=1),
    line(format=3, verdict="pass"),
    line(format="2"),
    line(verdict="pass").replace("pass", "past"),
    json.dumps({"format": FORMAT, **record.as_values(FIRST)}) + "\n",
    *(line(verdict=verdict) for verdict in ("missing", "not_run", "flaky", "infra")),
    *(line(**{name: value}) for name in ("wall_s", "guest_s") for value in VALUES),
    line(host_pressure=2),
    line(wall_s=None),
    line(fresh=1),
    line(when=3),
    *(line(test=name) for name in ("../../x", "a/b", "a\n", "", ".", "a\0b")),
    *(line(arch=name) for name in ("../../x", "/etc", "a\n")),
    *(line(recording=name) for name in ("../" * 20 + "x", "C" * 64, "c" * 63, "c" * 64 + "\n")),
    line(autopsy="../x"),
    line(cause="\x1b[2J"),
    line(sentence="a\nb"),
    line(cause=["[" * 9]),
    f"{'[' * 100_000}\n",
    line(another_versions="field"),
    line(verdict="passed in part"),
    line(verdict=None),
    line(key="cd" + "0" * 62),
    '{"key": "ab',
    "[]\n",
    "3\n",
    "\0\xff\n",
]


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_cannot_be_read_may_be_a_failure_and_a_pass_before_it_is_not_known(
    tmp_path: Path, text: str
) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(SECOND)
    assert ledger.of(KEY).known == SECOND
    (place,) = tmp_path.rglob("*.jsonl")
    with place.open("a") as file:
        file.write(text)
    assert ledger.of(KEY).known is None
    before = place.read_bytes()
    ledger.append(SECOND)
    known = ledger.of(KEY).known
    assert known is not None and known.verdict == "pass"
    assert known.cause.endswith("; ignored: 1 unreadable records")
    assert place.read_bytes().startswith(before), "what is not ours to read stays"


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_failure_stays_known_whatever_cannot_be_read(tmp_path: Path, text: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(FIRST)
    (place,) = tmp_path.rglob("*.jsonl")
    with place.open("a") as file:
        file.write(text)
    known = ledger.of(KEY).known
    assert known is not None and known.verdict == "fail"


def test_a_line_without_a_digest_may_be_a_failure(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(SECOND)
    (place,) = tmp_path.rglob("*.jsonl")
    place.write_text(json.dumps(asdict(SECOND)) + "\n")
    assert ledger.of(KEY) == Seen(unread=1)


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
