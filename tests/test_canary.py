"""The flock as it is written down, and when one has earned its verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity import canary
from parity.canary import Canary
from parity.errors import UserError
from parity.evidence import Evidence
from parity.verdict import Verdict

ARCHS = ("aarch64", "x86_64")
FLOCK = Path(__file__).parent.parent / "suites" / "canaries.yaml"
SEEN = Evidence(
    *("k" * 64, "forges", "aarch64", "fail", "PID 1 ended with status 7", None, 0.3, "a" * 64, None),
    *("QEMU 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)


def test_every_verdict_that_a_guest_can_earn_has_a_canary() -> None:
    _, flock = canary.load(FLOCK, ARCHS)
    assert {verdict for each in flock for verdict in each.expected.values()} == set(Verdict) - {
        Verdict.MISSING,
        Verdict.NOT_RUN,
        Verdict.FLAKY,
    }
    assert len({each.name for each in flock}) == len(flock)


def test_the_right_verdict_for_the_wrong_reason_is_not_earned() -> None:
    bird = Canary("forges", {"aarch64": Verdict.FAIL}, "init=/bin/x", 4.0, {"aarch64": "status 7"})
    assert bird.earned(SEEN)
    assert not bird.earned(replace(SEEN, cause="PID 1 ended with status 1"))
    assert not bird.earned(replace(SEEN, verdict="panic"))
    assert canary.off_diagonal([bird], {"forges": replace(SEEN, verdict="pass")}) == [bird]


def test_an_end_per_architecture(tmp_path: Path) -> None:
    file = tmp_path / "canaries.yaml"
    own = "{expected: {aarch64: panic, x86_64: crash}, says: {aarch64: a, x86_64: b}, command_line: x}"
    file.write_text(f"features: canaries\ncpu_budget_s: 4\ncanaries:\n  one: {own}\n")
    _, (bird,) = canary.load(file, ARCHS)
    assert bird.earned(replace(SEEN, verdict="panic", cause="a"))
    assert not bird.earned(replace(SEEN, verdict="crash", cause="b"))
    assert bird.earned(replace(SEEN, arch="x86_64", verdict="crash", cause="b"))


def test_a_mistake_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "canaries.yaml"
    file.write_text(FLOCK.read_text().replace("expected: crash", "expected: crush", 1))
    with pytest.raises(UserError, match=r"canaries\.yaml:\d+: no verdict 'crush'; did you mean 'crash'\?"):
        canary.load(file, ARCHS)
