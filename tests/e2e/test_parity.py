"""`doit parity`, quarantine, and what may not stand in the files they read: in a copy of this checkout."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from checkout import Checkout

from parity.core import host

REPORT = Path("build", "report")
ENTRY = (
    "quarantine:\n  - {{test: {test}, arch: aarch64, reason: why not, ticket: issue 9, expires: {expires}}}\n"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.copy(tmp_path / "checkout", host.cache_dir())


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        (
            "baseline.txt",
            "# verdicts\naarch64 frok_test pass\n",
            "baseline.txt:2: no test 'frok_test'; did you",
        ),
        (
            "baseline.txt",
            "aarch64 dup_test pass\n" * 2,
            "baseline.txt:2: dup_test on aarch64 occurs twice",
        ),
        ("baseline.txt", "arm64 dup_test pass\n", "baseline.txt:1: no architecture 'arm64'; "),
        (
            "quarantine.yaml",
            ENTRY.format(test="dup_test", expires="soon"),
            "quarantine.yaml:2: a date such as",
        ),
        (
            "quarantine.yaml",
            ENTRY.format(test="dup", expires="2027-01-31"),
            "quarantine.yaml:2: no test 'dup'",
        ),
        (
            "document.yaml",
            "source: s\nfigures: {Calls: {parity: 1}}\n",
            "document.yaml:2: key 'counted' is missing",
        ),
    ],
)
def test_a_mistake_is_3_with_its_place_and_nothing_is_written(
    tmp_path: Path, file: str, text: str, complaint: str
) -> None:
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    (checkout.folder / "suites" / file).write_text(text, encoding="utf-8")
    status, said = checkout.doit("parity")
    assert status == 3, said
    assert complaint in said and "Traceback" not in said
    assert not (checkout.folder / REPORT).exists()


@pytest.mark.docker
def test_a_quarantined_surprise_is_shown_and_gates_when_that_has_expired(checkout: Checkout) -> None:
    suites, today = checkout.folder / "suites", datetime.now(UTC).date()
    (suites / "baseline.txt").write_text("aarch64 dup_test fail\n")
    entry = suites / "quarantine.yaml"
    entry.write_text(ENTRY.format(test="dup_test", expires=today + timedelta(days=2)))
    said = checkout.says("test_aarch64:dup_test")
    assert "fixes: dup_test on aarch64 (pass)" in said
    assert "dup_test on aarch64: quarantine until" in said and "issue 9: why not" in said
    entry.write_text(ENTRY.format(test="dup_test", expires=today - timedelta(days=1)))
    status, said = checkout.doit("test_aarch64:dup_test")
    assert status == 1, said
    assert "dup_test on aarch64: quarantine expired on" in said


@pytest.mark.docker
def test_parity_counts_what_is_linked_and_says_what_moved(checkout: Checkout) -> None:
    """On what is known of this checkout; then a deadline differs on one side, for a test that never runs."""
    checkout.says("parity")
    document = json.loads((checkout.folder / REPORT / "parity.json").read_text())
    names = {row["counted"]: row["names"]["aarch64"] for row in document["dimensions"]}
    assert {"FORK", "EXEC", "CLOCK_GETTIME"} <= names["call"].keys() and "SOCKET" not in names["call"]
    assert names["driver"]["console"] == "PL011"
    assert {"fork_test", "sh"} <= names["program"].keys()
    assert {"test", "boot", "kthread_parallel"} <= names["task"].keys()
    assert {"cpu::irq_save", "trap::TrapFrame"} <= names["hal"].keys()
    (inside,) = [row["names"] for row in document["dimensions"] if row["counted"] == "test"]
    assert inside["aarch64"] == inside["x86_64"]
    assert inside["x86_64"]["timer_clock"] == "timer" and len(inside["x86_64"]) >= 80
    assert sum(test["verdicts"]["aarch64"] == "pass" for test in document["tests"]) == len(names["pass"])
    assert (checkout.folder / REPORT / "parity.md").read_text().startswith("# Parity\n")
    suite = checkout.folder / "suites" / "user_programs.yaml"
    text = suite.read_text()
    assert "  tty_test: {area: tty, " in text
    suite.write_text(text.replace("  tty_test: {", "  tty_test: {cpu_budget_s: {aarch64: 33}, "))
    moved = [line for line in checkout.says("parity").splitlines() if line.startswith("moved ")]
    assert moved == ["moved since the last time: CPU seconds before a hang: tty_test on aarch64: 20 → 33"]
