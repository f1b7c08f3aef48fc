"""Suites: the tests by name, and what is expected of each on every architecture.

Keys of `suites/NAME.yaml`: `suite` (its name), `priorities` (reason → number, 1 is the most urgent: what the
breakdown of failures is sorted by), `planted_faults` (names of the kernel's, which its tests must catch;
optional) and `tests`, a mapping from test to

    area           group in reports; also a tag
    tags           further words to select tests by
    expected       a verdict, or a mapping from architecture to verdict
    reason         why, where a verdict other than pass is expected
    cpu_budget_s   CPU seconds of the virtual processors before the guest counts as hung (20)
    silence_s      seconds without an event or a byte before an idle guest counts as hung (3)
    needs          programs of other tests that this one runs: they are on its disk, no other test's is
    ends_as        the program that PID 1 must be when it ends, where it executes one in its own place (by its
                   name, as `{program}` of the kernel's command line; without it, the test's own)

cpu_budget_s and silence_s are a number, or a mapping from architecture to number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from parity import yamlfile
from parity.quarantine import Entry, Quarantine
from parity.verdict import Verdict
from parity.yamlfile import Mapping, Node

CPU_BUDGET_S, SILENCE_S = 20.0, 3.0
KEYS = ("suite", "priorities", "planted_faults", "tests")
JUDGED = tuple(verdict for verdict in Verdict if verdict not in (Verdict.INFRA, Verdict.NOT_RUN))
TEST_KEYS = ("area", "tags", "expected", "reason", "cpu_budget_s", "silence_s", "needs", "ends_as")


@dataclass(frozen=True)
class Test:
    """One test: its name is its program's."""

    __test__ = False  # pytest: not a test class
    name: str
    area: str
    expected: dict[str, Verdict]  # by architecture
    reason: str | None
    cpu_budget_s: dict[str, float] = field(default_factory=dict)  # by architecture, where not the usual
    silence_s: dict[str, float] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # other tests, whose programs it runs
    ends_as: str | None = None  # the program that PID 1 is in the end, where not the test's
    priority: int | None = None  # of the reason; 1 is the most urgent
    quarantine: dict[str, Entry] = field(default_factory=dict)  # by architecture

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The words this test is selected by."""
        return (self.area, *self.tags)


@dataclass(frozen=True)
class Suite:
    """All tests of a suite, in the order of the file."""

    name: str
    tests: dict[str, Test]
    faults: tuple[str, ...] = ()  # planted ones, that its tests must catch

    def test(self, name: str) -> Test:
        """The test of that name; KeyError when there is none."""
        return self.tests[name]

    def aboard(self, test: Test, built: Iterable[str]) -> list[str]:
        """The programs on a test's disk: of those built all that are no test's, its own, what it needs.

        So a change of one test's program makes one disk and runs one guest. What a test runs and does not
        declare is not there, and it fails.
        """
        return [name for name in built if name not in self.tests or name in (test.name, *test.needs)]

    def quarantined(self, entries: Quarantine) -> Suite:
        """The suite with every entry at its test; those of tests that are not in it are left out."""
        by_test: dict[str, dict[str, Entry]] = {name: {} for name in self.tests}
        for (arch, name), entry in entries.items():
            if name in by_test:
                by_test[name][arch] = entry
        tests = {name: replace(test, quarantine=by_test[name]) for name, test in self.tests.items()}
        return replace(self, tests=tests)


def load(path: Path, archs: tuple[str, ...]) -> Suite:
    """Reads a suite.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    top = yamlfile.load(path).mapping(
        ("suite", "priorities", "planted_faults", "tests"), required=("suite", "tests")
    )
    ranks = top.get("priorities")
    priorities = {reason: rank.integer(least=1) for reason, rank in ranks.mapping()} if ranks else {}
    tests = {}
    names = tuple(name for name, _ in top["tests"].mapping())
    for name, node in top["tests"].mapping():
        test = _test(name, node.mapping(TEST_KEYS, required=("area", "expected")), archs, names)
        tests[name] = replace(test, priority=priorities.get(test.reason or ""))
    if not tests:
        raise top["tests"].error("a suite without a test")
    if ranks and (unused := set(priorities) - {test.reason for test in tests.values()}):
        raise ranks.error(f"no test has the reason {min(unused)!r}")
    faults = top["planted_faults"].texts() if "planted_faults" in top else ()
    return Suite(top["suite"].text(), tests, faults)


def _test(name: str, node: Mapping, archs: tuple[str, ...], names: tuple[str, ...]) -> Test:
    expected = _expected(node, archs)
    reason = node.get("reason")
    if reason is None and any(verdict is not Verdict.PASS for verdict in expected.values()):
        raise node.node.error(f"{name} is not expected to pass: a reason is missing")
    needs = node.get("needs")
    return Test(
        name=name,
        area=node["area"].text(),
        expected=expected,
        reason=reason.text() if reason else None,
        cpu_budget_s=_seconds(node.get("cpu_budget_s"), archs),
        silence_s=_seconds(node.get("silence_s"), archs),
        tags=node["tags"].texts() if "tags" in node else (),
        needs=(others := tuple(other.one_of("test", names) for other in needs.items()) if needs else ()),
        ends_as=_ends_as(name, node.get("ends_as"), names, others),
    )


def _ends_as(name: str, node: Node | None, names: tuple[str, ...], needs: tuple[str, ...]) -> str | None:
    if node is None:
        return None
    program = node.text()
    if not re.fullmatch(r"[\w.+-]+", program):
        raise node.error(f"the name of a program expected, not {program!r}")
    if program == name:
        raise node.error(f"{name} ends as itself where nothing else is said")
    if program in names and program not in needs:
        raise node.error(f"{program} is not on the disk of {name}: it is a test that `needs` must name")
    return program


def _expected(node: Mapping, archs: tuple[str, ...]) -> dict[str, Verdict]:
    return {
        arch: Verdict(value.one_of("verdict that can be expected", JUDGED))
        for arch, value in node["expected"].each(archs).items()
    }


def _seconds(node: Node | None, archs: tuple[str, ...]) -> dict[str, float]:
    if node is None:
        return {}
    if node.is_mapping():
        return {arch: value.seconds() for arch, value in node.mapping(archs)}
    return dict.fromkeys(archs, node.seconds())
