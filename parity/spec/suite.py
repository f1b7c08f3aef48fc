"""Suites: the tests and their expected verdicts on each architecture.

`suites/NAME.yaml` is a `SuiteFile`. A value by architecture is either one value for all architectures, or a
mapping from architecture to value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from parity.core import yamlfile
from parity.core.yamlfile import Document, Model, Name, Seconds, Text
from parity.judge.verdict import Verdict
from parity.spec.quarantine import Entry, Quarantine

CPU_BUDGET_S, SILENCE_S = 20.0, 3.0
# The verdicts that say something about a kernel.
JUDGED = tuple(verdict for verdict in Verdict if verdict not in (Verdict.INFRA, Verdict.NOT_RUN))


class TestEntry(Model, frozen=True):
    """One test in the file."""

    __test__ = False  # pytest: not a test class
    area: Text  # group in reports; also a tag
    expected: Verdict | dict[str, Verdict]
    tags: tuple[Text, ...] = ()  # more tags for selection
    reason: Text | None = None  # required if a verdict other than pass is expected
    # CPU seconds of the virtual processors before the guest counts as hung; default CPU_BUDGET_S
    cpu_budget_s: Seconds | dict[str, Seconds] | None = None
    # seconds without an event or a byte before an idle guest counts as hung; default SILENCE_S
    silence_s: Seconds | dict[str, Seconds] | None = None
    needs: tuple[str, ...] = ()  # tests whose programs this test runs; only these are also on its disk
    # The name of the program that PID 1 must be at its end, if it replaces itself by exec; default: the test.
    ends_as: Name | None = None


class SuiteFile(Model, frozen=True):
    """The file of a suite."""

    suite: Name
    tests: Annotated[dict[Name, TestEntry], Meta(min_length=1)]
    priorities: dict[str, Annotated[int, Meta(ge=1, le=1000)]] = msgspec.field(
        default_factory=dict
    )  # of reasons; 1 is the most urgent
    planted_faults: tuple[Name, ...] = ()  # faults of the kernel that the tests of the suite must catch


@dataclass(frozen=True)
class Test:
    """One test; its name is the name of its program."""

    __test__ = False  # pytest: not a test class
    name: str
    area: str
    expected: dict[str, Verdict]  # by architecture
    reason: str | None
    cpu_budget_s: dict[str, float] = field(default_factory=dict)  # by architecture, if not the default
    silence_s: dict[str, float] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()  # tests whose programs it runs
    ends_as: str | None = None  # the program that PID 1 must be at its end, if not the test's
    priority: int | None = None  # of the reason; 1 is the most urgent
    quarantine: dict[str, Entry] = field(default_factory=dict)  # by architecture

    @property
    def all_tags(self) -> tuple[str, ...]:
        """All tags of the test, including its area."""
        return (self.area, *self.tags)


@dataclass(frozen=True)
class Suite:
    """All tests of a suite, in the order of the file."""

    name: str
    tests: dict[str, Test]
    faults: tuple[str, ...] = ()  # planted faults that its tests must catch

    def test(self, name: str) -> Test:
        """The test with this name. Raises KeyError if there is none."""
        return self.tests[name]

    def programs_on_disk(self, test: Test, built: Iterable[str]) -> list[str]:
        """The programs on a test's disk: its own, those of tests in `needs`, and all that belong to no test.

        So a change of one test's program makes one disk and runs one guest. A test that runs the program of
        an undeclared test fails.
        """
        return [name for name in built if name not in self.tests or name in (test.name, *test.needs)]

    def with_quarantine(self, entries: Quarantine) -> Suite:
        """The suite with each entry at its test; ignores entries for tests that are not in it."""
        by_test: dict[str, dict[str, Entry]] = {name: {} for name in self.tests}
        for (arch, name), entry in entries.items():
            if name in by_test:
                by_test[name][arch] = entry
        tests = {name: replace(test, quarantine=by_test[name]) for name, test in self.tests.items()}
        return replace(self, tests=tests)


def load(path: Path, archs: tuple[str, ...]) -> Suite:
    """Reads a suite.

    Raises:
        UserError: with file and line, if the file does not match the model.
    """
    file = yamlfile.load(path, SuiteFile)
    given = file.value
    tests = {name: _test(file, name, archs) for name in given.tests}
    if unused := set(given.priorities) - {test.reason for test in tests.values()}:
        raise file.error(f"no test has the reason {min(unused)!r}", "priorities")
    return Suite(given.suite, tests, file.once(given.planted_faults, "planted_faults"))


def _test(file: Document[SuiteFile], name: str, archs: tuple[str, ...]) -> Test:
    entry, where = file.value.tests[name], ("tests", name)
    expected = yamlfile.each(file, entry.expected, archs, *where, "expected")
    for verdict in expected.values():
        file.word("verdict that can be expected", str(verdict), JUDGED, *where, "expected")
    if entry.reason is None and any(verdict is not Verdict.PASS for verdict in expected.values()):
        raise file.error(f"{name} is not expected to pass: a reason is missing", *where)
    for number, other in enumerate(entry.needs):
        file.word("test", other, file.value.tests, *where, "needs", number)
    if entry.ends_as == name:
        raise file.error(f"{name} ends as itself by default; remove this key", *where, "ends_as")
    if entry.ends_as in file.value.tests and entry.ends_as not in entry.needs:
        message = f"{entry.ends_as} is not on the disk of {name}: it is a test that `needs` must name"
        raise file.error(message, *where, "ends_as")
    return Test(
        name=name,
        area=entry.area,
        expected=expected,
        reason=entry.reason,
        cpu_budget_s=_some(file, entry.cpu_budget_s, archs, *where, "cpu_budget_s"),
        silence_s=_some(file, entry.silence_s, archs, *where, "silence_s"),
        tags=entry.tags,
        needs=entry.needs,
        ends_as=entry.ends_as,
        priority=file.value.priorities.get(entry.reason or ""),
    )


def _some(
    file: Document[SuiteFile], value: float | dict[str, float] | None, archs: tuple[str, ...], *where: str
) -> dict[str, float]:
    """The values by architecture, for architectures that have one."""
    if value is None:
        return {}
    if isinstance(value, float):
        return dict.fromkeys(archs, value)
    for arch in value:
        if arch not in archs:
            raise file.error(f"unknown key {arch!r}; {yamlfile.nearest(arch, archs)}", *where, arch)
    return value
