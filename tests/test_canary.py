"""The canaries' file, and when a canary got its expected verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_machine import spec

from parity.core.errors import UserError
from parity.judge.verdict import Verdict
from parity.report import selftest
from parity.results.confusion import Confusion
from parity.results.evidence import Evidence
from parity.selftest import canary
from parity.selftest.canary import Canary

ARCHS = ("aarch64", "x86_64")
FLOCK = Path(__file__).parent.parent / "suites" / "canaries.yaml"
TOP = "features: canaries\ncpu_budget_s: 4\nsilence_s: 2\ncanaries:\n"
SEEN = Evidence(
    *("k" * 64, "forges", "aarch64", "fail", "PID 1 ended with status 7", None, 0.3, "a" * 64, None),
    *("QEMU 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)
BIRD = Canary("forges", {"aarch64": Verdict.FAIL}, "init=/bin/x", 4.0, 2.0, {"aarch64": "status 7"})


def loaded(file: Path, *lines: str) -> list[Canary]:
    file.write_text(TOP + "".join(f"  {line}\n" for line in lines))
    return canary.load(file, ARCHS)[1]


def test_every_verdict_that_a_guest_can_earn_has_a_canary() -> None:
    _, all_canaries = canary.load(FLOCK, ARCHS)
    assert {verdict for each in all_canaries for verdict in each.expected.values()} == set(Verdict) - {
        Verdict.MISSING,
        Verdict.NOT_RUN,
        Verdict.FLAKY,
    }
    assert len({each.name for each in all_canaries}) == len(all_canaries) >= 30


def test_the_right_verdict_for_the_wrong_reason_is_not_as_expected() -> None:
    assert BIRD.as_expected(SEEN)
    assert not BIRD.as_expected(replace(SEEN, cause="PID 1 ended with status 1"))
    assert not BIRD.as_expected(replace(SEEN, verdict="panic"))
    passed = replace(SEEN, verdict="pass")
    assert canary.unexpected([BIRD], {("aarch64", "forges"): SEEN}) == []
    assert canary.unexpected([BIRD], {("aarch64", "forges"): passed}) == [(BIRD, passed)]
    assert selftest.unexpected([BIRD], {("aarch64", "forges"): passed}) == [
        "forges on aarch64: expected fail with 'status 7', but it is pass: PID 1 ended with status 7"
    ]


def test_an_end_per_architecture(tmp_path: Path) -> None:
    own = "{expected: {aarch64: panic, x86_64: crash}, says: {aarch64: a, x86_64: b}, command_line: x}"
    (bird,) = loaded(tmp_path / "canaries.yaml", f"one: {own}")
    assert bird.as_expected(replace(SEEN, verdict="panic", cause="a", failure_kind="panic"))
    assert not bird.as_expected(replace(SEEN, verdict="crash", cause="b"))
    assert bird.as_expected(replace(SEEN, arch="x86_64", verdict="crash", cause="b"))


def test_the_word_counts_where_one_is_asked_for(tmp_path: Path) -> None:
    lines = [
        "hung: {expected: hang, word: {aarch64: deadlock, x86_64: livelock}, command_line: x}",
        "dead: {expected: panic, command_line: x}",
        "gone: {expected: crash, command_line: x}",
    ]
    hung, dead, gone = loaded(tmp_path / "canaries.yaml", *lines)
    assert hung.as_expected(replace(SEEN, verdict="hang", failure_kind="deadlock"))
    assert not hung.as_expected(replace(SEEN, verdict="hang", failure_kind="livelock"))
    assert not hung.as_expected(replace(SEEN, verdict="hang", failure_kind=None))
    assert hung.as_expected(replace(SEEN, arch="x86_64", verdict="hang", failure_kind="livelock"))
    assert dead.as_expected(replace(SEEN, verdict="panic", failure_kind="panic"))
    assert not dead.as_expected(replace(SEEN, verdict="panic", failure_kind="unknown"))
    assert gone.as_expected(replace(SEEN, verdict="crash", failure_kind="unknown"))
    seen = {
        (found.arch, "hung"): found
        for found in (replace(SEEN, verdict="hang", failure_kind="livelock"), SEEN)
    }
    assert canary.words([hung], seen).count("deadlock", canary.NO_WORD) == 1
    with pytest.raises(UserError, match="no failure kind 'deadlocked'; did you mean 'deadlock'"):
        loaded(tmp_path / "canaries.yaml", "one: {expected: hang, word: deadlocked, command_line: x}")


def test_the_autopsys_sentence_counts_where_a_text_of_it_is_asked_for(tmp_path: Path) -> None:
    asked = "hung: {expected: hang, word: slow, explains: until tick, command_line: x}"
    (hung,) = loaded(tmp_path / "canaries.yaml", asked)
    found = replace(SEEN, verdict="hang", failure_kind="slow", sentence="thread 2 waits, until tick 9")
    assert hung.as_expected(found)
    for sentence in (None, "thread 2 waits"):
        wrong = replace(found, sentence=sentence)
        assert not hung.as_expected(wrong)
        assert "with 'until tick'" in selftest.unexpected([hung], {("aarch64", "hung"): wrong})[0]


def test_a_budget_of_its_own(tmp_path: Path) -> None:
    end = "expected: hang, command_line: x"
    one, other = loaded(tmp_path / "canaries.yaml", f"one: {{{end}}}", f"two: {{{end}, cpu_budget_s: 9}}")
    assert (one.cpu_budget_s, other.cpu_budget_s, one.silence_s, other.silence_s) == (4, 9, 2, 2)


def test_a_mistake_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "canaries.yaml"
    file.write_text(FLOCK.read_text().replace("expected: crash", "expected: crush", 1))
    with pytest.raises(UserError, match=r"canaries\.yaml:\d+: no verdict 'crush'; did you mean 'crash'\?"):
        canary.load(file, ARCHS)


def test_what_is_confused_stands_beside_the_diagonal() -> None:
    pairs = [("panic", "panic"), ("panic", "panic"), ("panic", "crash"), ("hang", "hang")]
    matrix = Confusion.of(pairs, tuple(Verdict))
    assert matrix.names == ("panic", "hang", "crash")
    assert (matrix.right, matrix.wrong, matrix.count("panic", "crash")) == (3, 1, 1)
    assert selftest.confusion(matrix, "verdict").markdown().splitlines() == [
        "| verdict: expected ↓, actual → | panic | hang | crash |",
        "| --- | ---: | ---: | ---: |",
        "| panic | 2 | · | 1 |",
        "| hang | · | 1 | · |",
        "| crash | · | · | · |",
    ]


def test_what_a_canary_is_asked_for(tmp_path: Path) -> None:
    end = "expected: fail, command_line: x"
    one, other = loaded(
        tmp_path / "canaries.yaml", f"one: {{{end}}}", f"two: {{{end}, runs: tests, ends_as: /bin/x}}"
    )
    assert (one.spec(spec()).kind, one.spec(spec()).ends_as) == ("program", None)
    assert (other.spec(spec()).kind, other.spec(spec()).ends_as) == ("tests", "/bin/x")


def test_no_canary_proves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "canaries.yaml"
    file.write_text(TOP.rstrip() + " {}\n")
    with pytest.raises(UserError, match=r"canaries.yaml:4: at least one entry expected here"):
        canary.load(file, ARCHS)
