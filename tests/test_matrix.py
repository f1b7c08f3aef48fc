"""Rows and rates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.results import matrix
from parity.results.evidence import Evidence
from parity.run.stress import Run
from parity.spec.quarantine import Entry
from parity.spec.suite import Test

FORK = Test("fork_test", "process", {"aarch64": Verdict.PASS}, None)
FIFO = Test("fifo_test", "pipe", {"aarch64": Verdict.MISSING}, "FIFOs are not there yet")
SEEN = Evidence(
    *("k" * 64, "fork_test", "aarch64", "pass", "PID 1 ended with status 0", 0.1, 0.3, "a" * 64, "b" * 64),
    *("qemu 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)


def rows() -> list[Row]:
    return [
        matrix.row(FORK, "aarch64", "testing", SEEN, built=True, log="build/logs/fork_test.log"),
        matrix.row(FIFO, "aarch64", "testing", None, built=False, log=None),
    ]


def test_evidence_becomes_a_row() -> None:
    row = rows()[0]
    assert (row.verdict, row.expected, row.guest_s, row.wall_s) == ("pass", "pass", 0.1, 0.3)
    assert (row.kernel, row.disk, row.log) == ("a" * 64, "b" * 64, "build/logs/fork_test.log")
    assert not row.surprise


def test_a_name_without_a_program_is_missing() -> None:
    row = rows()[1]
    assert (row.verdict, row.expected, row.reason) == ("missing", "missing", "FIFOs are not there yet")
    assert not row.surprise


def test_a_program_without_evidence_has_not_run_and_is_no_surprise() -> None:
    row = matrix.row(FORK, "aarch64", "testing", None, built=True, log=None)
    assert row.verdict == "not_run"
    assert not row.surprise


def test_a_surprise_goes_in_both_directions() -> None:
    fork, fifo = rows()
    assert replace(fork, verdict="hang").surprise
    assert replace(fifo, verdict="pass").surprise
    assert replace(fork, verdict="missing").surprise


def test_quarantine_excuses_a_surprise_on_its_architecture_to_its_last_day() -> None:
    def hang(expires: date, arch: str = "aarch64") -> Row:
        test = replace(FORK, quarantine={arch: Entry("fork_test", arch, "why", "7", expires)})
        seen = replace(SEEN, verdict="hang")
        return matrix.row(test, "aarch64", "testing", seen, built=True, log=None)

    today = datetime.now(UTC).date()
    row = hang(today + timedelta(days=1))  # not today, which may end during the test
    assert (row.surprise, row.excused, row.gates) == (True, True, False)
    row = hang(today - timedelta(days=1))
    assert (row.surprise, row.excused, row.gates) == (True, False, True)
    assert row.quarantine is not None and "expired" in row.quarantine
    row = hang(today + timedelta(days=1), "x86_64")
    assert (row.quarantine, row.gates) == (None, True)


def test_the_rate_is_over_all_names() -> None:
    (rate,) = matrix.rates(rows())
    assert (rate.passed, rate.total, rate.percent) == (1, 2, 50.0)
    assert rate.verdicts == {"pass": 1, "missing": 1}


def test_a_row_that_has_not_run_remembers_its_last_verdict() -> None:
    fork, fifo = rows()
    unseen = replace(fork, verdict="not_run")
    once = matrix.merged([replace(fork, verdict="hang")], [unseen, fifo])
    assert [row.last for row in once] == ["hang", None]
    twice = matrix.merged(once, [unseen, fifo])
    assert [row.last for row in twice] == ["hang", None]
    assert matrix.merged(twice, [fork, fifo])[0].last is None


def test_merging_keeps_other_architectures() -> None:
    fork, fifo = rows()
    other = replace(fork, arch="x86_64")
    stale = replace(fork, verdict="hang")
    assert matrix.merged([stale, other], [fork, fifo]) == [fork, fifo, other]


def test_a_record_has_the_fields_of_evidence_that_it_names_alike() -> None:
    """A row, and a run of a stress test, take over the evidence without a list of its fields."""
    shown = {
        "verdict",
        "cause",
        "guest_s",
        "wall_s",
        "kernel",
        "disk",
        "when",
        "sentence",
        "failure_signature",
    }
    assert matrix.shared(SEEN, Row).keys() == shown | {"arch", "emulator", "host", "failure_kind"}
    run = matrix.shared(SEEN, Run)
    assert run.keys() == shown | {"arch"}
    assert (run["verdict"], run["kernel"]) == (SEEN.verdict, SEEN.kernel)
