"""Quarantine: tests whose surprises do not fail the command for a limited time, with reason and ticket.

`suites/quarantine.yaml` has one key, `quarantine`, a list of `Entry`. Reports show the surprise of a
quarantined test like any other. An expired entry has no effect, and reports mention it.
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
    """One test on one architecture. `expires` is the last day (UTC) on which the entry has an effect."""

    test: str
    arch: str
    reason: Words  # what is wrong with the test
    ticket: Words  # the issue that tracks it
    expires: date

    def expired(self, today: date) -> bool:
        """Whether the entry has no effect any more."""
        return today > self.expires

    def sentence(self, today: date) -> str:
        """The sentence in reports."""
        end = "expired on" if self.expired(today) else "until"
        return f"quarantine {end} {self.expires}, {self.ticket}: {self.reason}"


class QuarantineFile(Model, frozen=True):
    """The file `suites/quarantine.yaml`."""

    quarantine: list[Entry]


Quarantine = Mapping[tuple[str, str], Entry]
"""Entries by architecture and test."""


def load(path: Path, tests: Collection[str], archs: Collection[str]) -> Quarantine:
    """Reads the file; without a file, nothing is quarantined.

    Raises:
        UserError: with file and line, for an unknown test or architecture, a duplicate, an invalid date, a
            missing or unknown key.
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
            raise file.error(f"{entry.test} on {entry.arch} occurs twice", *where)
        found[entry.arch, entry.test] = entry
    return found
