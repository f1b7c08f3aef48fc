"""Many runs: their seeds, what a count proves, which failures are one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from test_machine import spec

from parity.core.errors import UserError
from parity.run import stress
from parity.run.stress import Run

GOOD = Run(
    *("0123456789ab", 7, "aarch64", "kthread_stress_test", "k" * 64, "d" * 64, "seed=7", "pass"),
    *("all 4 in-kernel tests passed", 0.5, 0.7, "build/logs/x.log", "2026-01-01T00:00:00+00:00"),
)


def failed(cause: str, verdict: str = "fail", name: str = "ba9876543210") -> Run:
    return replace(GOOD, id=name, verdict=verdict, cause=cause)


def test_seeds_follow_from_the_root_and_differ() -> None:
    assert stress.seed(5, 0) == int(hashlib.sha256(b"5:0").hexdigest()[:16], 16)
    seeds = {stress.seed(root, index) for root in (0, 1, 2**64 - 1) for index in range(100)}
    assert len(seeds) == 300
    assert all(0 <= each < 2**64 for each in seeds)


def test_a_fresh_root_is_a_u64_and_another_one_each_time() -> None:
    roots = {stress.fresh_root() for _ in range(20)}
    assert len(roots) == 20
    assert all(0 <= root < 2**64 for root in roots)


def test_every_guest_has_its_seed_on_its_command_line_and_a_name_of_its_own() -> None:
    like = spec(cmdline="tick_hz=1000")
    made = stress.specs(like, 5, 20)
    assert made == stress.specs(like, 5, 20)
    assert [each.cmdline for _, each in made] == [f"tick_hz=1000 seed={seed}" for seed, _ in made]
    assert len({stress.identity(each) for _, each in made}) == 20
    assert stress.identity(made[0][1]) != stress.identity(replace(made[0][1], kernel="c" * 64))


@pytest.mark.parametrize(
    ("passed", "total", "low", "high"),
    [
        (20, 20, 0.8609, 1.0),  # 0.05 ** (1/20): the failure rate is below 13.9 %
        (100, 100, 0.9705, 1.0),
        (300, 300, 0.9901, 1.0),
        (0, 20, 0.0, 0.1391),
        (1, 1, 0.05, 1.0),
        (5, 10, 0.1871, 0.8129),  # published tables of Clopper and Pearson's limits
        (1, 10, 0.0025, 0.4450),
        (9, 10, 0.5550, 0.9975),
    ],
)
def test_the_interval_is_the_known_one(passed: int, total: int, low: float, high: float) -> None:
    assert stress.interval(passed, total) == pytest.approx((low, high), abs=6e-5)


def test_the_interval_holds_the_rate_and_narrows() -> None:
    widths = []
    for total in (10, 100, 1000, 10_000):
        low, high = stress.interval(total * 9 // 10, total)
        assert low < 0.9 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("passed", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_an_impossible_count_has_no_interval(passed: int, total: int) -> None:
    with pytest.raises(ValueError, match="of"):
        stress.interval(passed, total)


def test_numbers_do_not_part_failures_but_places_names_and_verdicts_do() -> None:
    one = failed("it was silent for 3.0 s, of which it waited 0.2 s for a processor (in test park_all)")
    two = failed("it was silent for 3.1 s, of which it waited 0.0 s for a processor (in test park_all)")
    assert one.signature == two.signature
    assert "park_all" in one.signature
    assert failed("x (in test a)").signature != failed("x (in test b)").signature
    assert failed("x").signature != failed("x", "hang").signature
    assert failed("core/a.rs:12:5: no").signature != failed("core/a.rs:13:5: no").signature
    assert failed("at 0xffff1").signature == failed("at 0xabc").signature
    assert failed("test100 failed").signature != failed("test200 failed").signature


def test_a_failure_that_comes_again_otherwise_is_not_called_gone() -> None:
    assert stress.compared(GOOD, GOOD) == "reproduced"
    assert stress.compared(failed("late by 3"), failed("late by 4")) == "reproduced"
    assert stress.compared(failed("late"), failed("lost", "hang")) == "failed in another way"
    assert stress.compared(failed("late"), GOOD) == "did not reproduce"


def test_the_most_frequent_failure_comes_first() -> None:
    runs = [GOOD, failed("a 1"), failed("b 1"), failed("b 2")]
    assert [(sign, len(found)) for sign, found in stress.groups(runs)] == [("fail: b #", 2), ("fail: a #", 1)]


def test_the_summary_says_rate_interval_and_how_to_run_a_failure_again() -> None:
    assert stress.summary([GOOD] * 20) == [
        "20 of 20 passed (100.0 %); the failure rate is between 0.0 % and 13.9 % (95 % interval)"
    ]
    lines = stress.summary([GOOD, failed("late by 3 ticks")])
    assert lines[0].startswith("1 of 2 passed (50.0 %)")
    assert lines[1:] == ["1 × fail: late by # ticks  (again: doit kthread_replay:ba9876543210)"]


def test_what_could_not_be_judged_is_neither_pass_nor_failure_of_the_kernel() -> None:
    lines = stress.summary([GOOD, failed("no lane", "infra")])
    assert lines[0].startswith("1 of 1 passed, 1 could not be judged")
    assert stress.summary([failed("no lane", "infra")])[0] == "0 of 0 passed, 1 could not be judged"


def test_a_run_is_found_by_its_name() -> None:
    assert stress.find([failed("no"), GOOD], GOOD.id) == GOOD
    with pytest.raises(UserError, match="did you mean '0123456789ab'"):
        stress.find([GOOD], "0123456789ac")
    with pytest.raises(UserError, match="known: none"):
        stress.find([], "x")
