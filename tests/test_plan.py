"""The way of a suite from its plan to its rows: what runs, and that each row is made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from test_integration import evidence
from test_machine import spec

from parity.build.outputs import BuildOutputs
from parity.core.row import Row
from parity.judge.verdict import Judgement, Verdict
from parity.results.evidence import Evidence
from parity.run import plan
from parity.run.evidence_runner import TestOutcome
from parity.run.plan import Plan
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test

NAMES = ("ran", "lost", "known", "late", "no_disk", "no_program")
SUITE = Suite("s", {name: Test(name, "a", {"aarch64": Verdict.PASS}, None) for name in NAMES})
GUESTS = {name: replace(spec(), test=name) for name in NAMES}
OUTPUTS = BuildOutputs("aarch64", "testing", "a" * 64, {}, spec().machine)
PLAN = Plan(
    OUTPUTS,
    built=NAMES[:-1],
    guests={name: GUESTS[name] for name in ("ran", "lost", "known")},
    asked=["ran", "lost", "known"],
    to_run=["ran", "lost"],
)


def seen(name: str, verdict: Verdict) -> Evidence:
    return evidence(TestOutcome(GUESTS[name], Judgement(verdict, f"{name}: {verdict}"), 0.1))


@dataclass
class Ledger:
    """Stands in for an evidence runner: what is known, how often it was asked for, and what is shown."""

    found: dict[RunSpec, Evidence] = field(default_factory=dict)
    looked_up: Counter[str] = field(default_factory=Counter)
    remembered: list[str] = field(default_factory=list)
    shown: list[Row] = field(default_factory=list)

    @property
    def space(self) -> Any:
        remember = lambda title, _: self.remembered.append(title)  # noqa: E731
        return SimpleNamespace(screen=self, history=SimpleNamespace(remember=remember))

    @contextmanager
    def tests(self, total: int) -> Iterator[Any]:
        assert total == 2
        yield SimpleNamespace(finished=self.shown.append)

    def known(self, spec: RunSpec) -> Evidence | None:
        self.looked_up[spec.test] += 1
        return self.found.get(spec)

    def inputs(self, _: RunSpec) -> dict[str, Any]:
        return {}

    def log(self, _: Evidence) -> str | None:
        return None


class Guests:
    """Tests that end as they are told; another command has made the disk of `late` in the meantime."""

    suite = SUITE

    def __init__(self, **ends: Verdict) -> None:
        self.ends = ends

    def plan(self, *_: Any, **__: Any) -> Plan:
        return PLAN

    def guests(self, _: Any, __: Plan) -> Mapping[str, RunSpec]:
        return {"late": GUESTS["late"]}

    def run(
        self, runner: Any, specs: Sequence[RunSpec], *, on_done: Callable[[RunSpec, Evidence], None], **_: Any
    ) -> None:
        for each in specs:
            end = seen(each.test, self.ends[each.test])
            if end.verdict != Verdict.INFRA:
                runner.found[each] = end
            on_done(each, end)


@pytest.fixture
def rows(ledger: Ledger) -> dict[str, Row]:
    tests, runner = Guests(ran=Verdict.PASS, lost=Verdict.INFRA), ledger
    ended = plan.run(runner, tests, [PLAN], fresh=False, lanes=1)  # type: ignore[arg-type]
    found = plan.rows(runner, tests, PLAN, ended)  # type: ignore[arg-type]
    return {row.name: row for row in found}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger({GUESTS[name]: seen(name, Verdict.PASS) for name in ("lost", "known", "late")})


def test_a_row_per_test_says_what_is_known(rows: dict[str, Row]) -> None:
    assert {name: row.verdict for name, row in rows.items()} == {
        "ran": "pass",
        "lost": "infra",  # although it passed before
        "known": "pass",
        "late": "pass",
        "no_disk": "not_run",
        "no_program": "missing",
    }


def test_each_row_is_made_once(ledger: Ledger, rows: dict[str, Row]) -> None:
    assert ledger.looked_up == {"ran": 1, "known": 1, "late": 1}
    assert ledger.shown == [rows["ran"], rows["lost"]]
    assert ledger.shown[0] is rows["ran"]


def test_what_was_judged_or_known_is_remembered(ledger: Ledger, rows: dict[str, Row]) -> None:
    assert rows and ledger.remembered == ["test ran aarch64", "test known aarch64"]


def test_the_jobs_of_a_plan_are_the_guests_that_must_run() -> None:
    assert PLAN.jobs == [GUESTS["ran"], GUESTS["lost"]]
