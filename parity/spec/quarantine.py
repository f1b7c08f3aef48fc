"""Quarantine: tests whose surprises do not gate for a while, each with a reason, a ticket and an end.

`suites/quarantine.yaml` has one key, `quarantine`, a list of mappings:

    test     a test of the suite
    arch     the architecture it is quarantined on
    reason   what is wrong with it
    ticket   where that is followed
    expires  the last day (ISO 8601, UTC) on which a surprise does not gate

A surprise of a quarantined test is shown like any other. An entry that has expired excuses nothing, and the
report says that it is still there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from parity.core import yamlfile
from parity.core.yamlfile import Node, nearest

KEYS = ("test", "arch", "reason", "ticket", "expires")


@dataclass(frozen=True)
class Entry:
    """One test on one architecture."""

    test: str
    arch: str
    reason: str
    ticket: str
    expires: date

    def expired(self, today: date) -> bool:
        """Whether it excuses nothing any more."""
        return today > self.expires

    def sentence(self, today: date) -> str:
        """What a report says of it."""
        end = "expired on" if self.expired(today) else "until"
        return f"quarantine {end} {self.expires}, {self.ticket}: {self.reason}"


Quarantine = Mapping[tuple[str, str], Entry]
"""Entries by architecture and test."""


def load(path: Path, tests: Collection[str], archs: Collection[str]) -> Quarantine:
    """Reads the file; nothing is quarantined when there is none.

    Raises:
        UserError: with file and line, for an unknown test or architecture, a test that is there twice on an
            architecture, a date that is none, a missing or unknown key.
    """
    if not path.exists():
        return {}
    found: dict[tuple[str, str], Entry] = {}
    for node in yamlfile.load(path).mapping(["quarantine"], required=["quarantine"])["quarantine"].items():
        entry = _entry(node, tests, archs)
        if (entry.arch, entry.test) in found:
            raise node.error(f"{entry.test} on {entry.arch} stands here twice")
        found[entry.arch, entry.test] = entry
    return found


def _entry(node: Node, tests: Collection[str], archs: Collection[str]) -> Entry:
    given = node.mapping(KEYS, required=KEYS)
    test, expires = given["test"].text(), given["expires"]
    if test not in tests:
        raise given["test"].error(f"no test {test!r} in the suite; {nearest(test, tests)}")
    for key in ("reason", "ticket"):
        if not given[key].text().strip():
            raise given[key].error(f"{key} is empty")
    try:
        end = date.fromisoformat(expires.text())
    except ValueError:
        raise expires.error(f"a date such as 2027-01-31 expected, not {expires.text()!r}") from None
    return Entry(
        test=test,
        arch=given["arch"].one_of("architecture", archs),
        reason=given["reason"].text(),
        ticket=given["ticket"].text(),
        expires=end,
    )
