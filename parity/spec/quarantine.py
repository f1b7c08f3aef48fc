"""Quarantine: tests whose surprises do not gate for a while, each with a reason, a ticket and an end.

`suites/quarantine.yaml` has one key, `quarantine`, a list of `Entry`. A surprise of a quarantined test is
shown like any other. An entry that has expired excuses nothing, and the report says that it is still there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from parity.core import yamlfile
from parity.core.yamlfile import Model

_SOME, _MORE = r"[^\x00-\x20\x7f-\xa0]", r"[^\x00-\x1f\x7f-\x9f]*"  # no control characters, no line feeds
Words = Annotated[str, Meta(pattern=f"^{_MORE}{_SOME}{_MORE}$", description="text that is not empty")]


class Entry(Model, frozen=True):
    """One test on one architecture. `expires` is the last day (UTC) on which a surprise does not gate."""

    test: str
    arch: str
    reason: Words  # what is wrong with the test
    ticket: Words  # where that is followed
    expires: date

    def expired(self, today: date) -> bool:
        """Whether it excuses nothing any more."""
        return today > self.expires

    def sentence(self, today: date) -> str:
        """What a report says about it."""
        end = "expired on" if self.expired(today) else "until"
        return f"quarantine {end} {self.expires}, {self.ticket}: {self.reason}"


class QuarantineFile(Model, frozen=True):
    """The file."""

    quarantine: list[Entry]


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
    file = yamlfile.load(path, QuarantineFile)
    found: dict[tuple[str, str], Entry] = {}
    for number, entry in enumerate(file.value.quarantine):
        where = ("quarantine", number)
        file.word("test", entry.test, tests, *where, "test")
        file.word("architecture", entry.arch, archs, *where, "arch")
        if (entry.arch, entry.test) in found:
            raise file.error(f"{entry.test} on {entry.arch} stands here twice", *where)
        found[entry.arch, entry.test] = entry
    return found
