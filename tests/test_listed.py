"""What a command names of a suite, and that nothing run is no success."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity.compare import checkout_run
from parity.compare.revision import Revision
from parity.core.errors import InfraError, UserError
from parity.core.row import Row
from parity.spec.selection import Selection, Shard
from tasks import boot, compare, integration, kthread, report, session, suite
from tasks.session import BatchResult, Session

ROOT = Path(__file__).parent.parent
PASSED = Row("fork_test", "aarch64", "process", "pass", "pass", None, "")
FAILED = replace(PASSED, name="dup_test", verdict="fail", cause="PID 1 ended with status 1")
UNSEEN = replace(PASSED, name="cat_test", verdict="not_run", cause="no cached result for the current inputs")


def begun(*words: str, selection: Selection | None = None) -> Session:
    """A session of the reference tree."""
    command = session.begin(ROOT, {}, words)
    settings = replace(command.settings, selection=selection or Selection())
    session._current = replace(command, settings=settings, baseline=None)
    return session._current


def earlier(monkeypatch: pytest.MonkeyPatch, *rows: Row) -> None:
    """These are the last results."""
    files = {report.RESULTS: list(rows)}
    monkeypatch.setattr(report, "earlier", lambda _, file=report.RESULTS: files.get(file, []))


def ran(command: Session, *rows: Row) -> None:
    """The batch step of the suite found these rows on aarch64."""
    found = {"aarch64": {row.name: row for row in rows}}
    command.accumulated.batches["test"] = BatchResult(found)


def names(command: Session, arch: str = "aarch64") -> list[str]:
    return [test.name for test in suite.SUITE_TASKS.chosen(command, arch)]


def test_a_named_test_without_a_program_is_nothing_to_run() -> None:
    assert names(begun("test_aarch64:dup_test")) == ["dup_test"]
    with pytest.raises(UserError, match=r"nothing to run on aarch64: .* fifo_test \(FIFOs are not"):
        names(begun("test_aarch64:fifo_test"))
    assert names(begun("test_aarch64:fifo_test", "test_aarch64:dup_test")) == ["fifo_test", "dup_test"]
    assert len(names(begun("test_aarch64"))) == 80


def test_an_empty_share_of_a_suite_is_told() -> None:
    with pytest.raises(UserError, match=r"shard 99 of 100 is empty: there are \d+ tests"):
        names(begun("test_aarch64", selection=Selection(shard=Shard(99, 100))))
    inside = begun("integration_x86_64", selection=Selection(shard=Shard(99, 100)))
    with pytest.raises(UserError, match="shard 99 of 100 is empty"):
        integration.SUITE_TASKS.chosen(inside, "x86_64")


AGAIN = Selection(last_failed=True)


def test_failures_are_repeated_where_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier(monkeypatch, PASSED, FAILED, replace(PASSED, arch="x86_64"))
    both = begun("test_aarch64", "test_x86_64", selection=AGAIN)
    assert (names(both), names(both, "x86_64")) == (["dup_test"], [])
    assert suite.SUITE_TASKS.all("x86_64")  # without rows
    with pytest.raises(UserError, match="no test failed the last time on x86_64"):
        names(begun("test_x86_64", selection=AGAIN), "x86_64")
    assert names(begun("parity", selection=AGAIN), "x86_64") == []
    earlier(monkeypatch, PASSED)
    with pytest.raises(UserError, match="no test failed the last time on aarch64"):
        names(begun("test_aarch64", "test_x86_64", selection=AGAIN))


def test_a_repeated_failure_that_passes_now_stays_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The results of the command itself do not change what it has selected."""
    earlier(monkeypatch, FAILED, replace(PASSED, arch="x86_64"))
    command = begun("test_aarch64", "test_x86_64", selection=AGAIN)
    assert names(command) == ["dup_test"]
    now = replace(FAILED, verdict="pass")
    earlier(monkeypatch, now)
    assert suite.SUITE_TASKS.asked(command, [now, PASSED]) == [now]
    assert names(command, "x86_64") == []


def test_a_test_that_was_asked_for_and_has_not_run_is_no_success() -> None:
    command = begun("test_aarch64")
    assert report.as_expected(command, [PASSED, UNSEEN], [PASSED])
    for asked in (None, [PASSED, UNSEEN]):
        with pytest.raises(InfraError, match="cat_test on aarch64: no cached result"):
            report.as_expected(command, [PASSED, UNSEEN], asked)
    excused = replace(UNSEEN, excused=True, quarantine="quarantined")
    with pytest.raises(InfraError, match="cat_test"):
        report.as_expected(command, [PASSED, excused])


def test_what_could_not_be_judged_is_no_success_even_if_expected() -> None:
    lost = replace(PASSED, verdict="infra", expected="infra", cause="no lane")
    with pytest.raises(InfraError, match="fork_test on aarch64: no lane"):
        report.as_expected(begun(), [lost])


def test_no_row_at_all_is_no_success() -> None:
    with pytest.raises(InfraError, match="nothing has run"):
        report.as_expected(begun(), [])
    with pytest.raises(InfraError, match="nothing has run"):
        kthread._all_passed([])


def test_the_rows_that_a_command_asks_for() -> None:
    command = begun("test_aarch64:dup_test", "test_x86_64")
    rows = [PASSED, FAILED, replace(PASSED, arch="x86_64"), replace(FAILED, arch="x86_64")]
    assert suite.SUITE_TASKS.asked(command, rows) == rows[1:]


def test_last_results_in_which_nothing_ran_are_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    begun()
    absent = replace(PASSED, name="fifo_test", verdict="missing", expected="missing")
    for rows in ([UNSEEN], [absent], [UNSEEN, absent]):
        earlier(monkeypatch, *rows)
        monkeypatch.setattr(report, "update", lambda _session, known, _file: known())
        with pytest.raises(InfraError, match="nothing has run"):
            report.last()


def test_commits_without_a_common_result_are_not_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    command = begun("compare:HEAD")
    session._current = replace(command, settings=replace(command.settings, arch="aarch64"))
    there = Revision("HEAD", "c" * 40)
    ran(session._current, PASSED)
    for before in ([], [UNSEEN], [replace(PASSED, arch="x86_64")]):
        monkeypatch.setattr(checkout_run, "rows", lambda *_, rows=before: rows)
        with pytest.raises(InfraError, match="no test has a result both here and at HEAD"):
            compare.against(there)
    ran(session._current, replace(PASSED, verdict="infra", cause="no lane"))
    with pytest.raises(InfraError, match="fork_test on aarch64: no lane"):
        compare.against(there)


def test_mutants_without_a_fault_find_nothing() -> None:
    command = begun()
    without = replace(command, tree=replace(command.tree, thread_faults=()))
    session._current = without
    with pytest.raises(UserError, match="thread_faults"):
        kthread.mutants()


def test_a_kernel_that_boots_as_another_set_is_held_against_its_own_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Sets with the same ELF file share a guest: its row is expected to end as the other one must."""
    command = session.begin(ROOT, {}, [])
    passed = replace(PASSED, name="init", area="boot")
    rows = dict.fromkeys(command.tree.feature_sets, passed)
    command.accumulated.batches["boot_features"] = BatchResult({"aarch64": rows})
    assert not boot.features("aarch64")
    assert "test_page_fault must end in panic" in capsys.readouterr().out
