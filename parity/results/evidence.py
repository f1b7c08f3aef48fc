"""Evidence: the append-only record of each run of a test, shared by all checkouts of a user.

    evidence/ab/abcdef….jsonl   one sealed line per run, oldest first; the name is the digest of all inputs

A line is written with one append. A line that cannot be read (cut by a kill, damaged, with an impossible
value, or of another format) stays in the file. It may be a failure, so a pass before it does not count. The
recording of the guest is in the store under the digest `recording`, so that each guest can be judged again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from parity.core import host, record
from parity.core.errors import MachineError
from parity.judge import verdict
from parity.judge.verdict import Judgement, Verdict
from parity.store import files, sealed
from parity.store.store import Digest

FORMAT = 2  # of a line

Seconds = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:+-]{0,199}$(?!\n)")]  # becomes part of a path
Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)")]  # is safe to print
SAID = ("pass", "fail", "panic", "hang", "crash")  # the verdicts on one guest that concern its kernel


@dataclass(frozen=True)
class Evidence:
    """One run of one test."""

    key: Digest
    test: Word
    arch: Word
    verdict: Line
    cause: Line
    guest_s: Seconds | None
    wall_s: Seconds
    kernel: Digest
    disk: Digest | None
    emulator: Line
    host: Line
    recording: Digest
    when: Line  # UTC, ISO 8601
    host_pressure: Share | None = None  # share of wall_s in which a task of this host waited for a CPU
    # The autopsy of a guest that hung, panicked or crashed: its failure kind and sentence; a text that is the
    # same for the same failure; the digest of its details, JSON in the store (parity.report.autopsy).
    failure_kind: Line | None = None
    sentence: Line | None = None
    failure_signature: Line | None = None
    autopsy: Digest | None = None
    fresh: bool = False  # the count of passes and failures restarts with this run


@dataclass(frozen=True)
class Seen:
    """The evidence under a key: the readable lines (`found`), oldest first, and the number of the others.

    `since` is the number of readable lines before the last unreadable line.
    """

    found: tuple[Evidence, ...] = ()
    unread: int = 0
    since: int = 0

    @property
    def known(self) -> Evidence | None:
        """The combined evidence; None for a pass if no pass was recorded after the last unreadable line."""
        one = summed(self.found)
        if one is None or not self.unread:
            return one
        if one.verdict == Verdict.PASS and self.since == len(self.found):
            return None
        return replace(one, cause=f"{one.cause}; ignored: {self.unread} unreadable records")


def summed(found: Sequence[Evidence]) -> Evidence | None:
    """Combines the evidence under a key. If the verdict is flaky, the other fields are the last failure's."""
    if not found:
        return None
    start = max((number for number, each in enumerate(found) if each.fresh), default=0)
    before = sum(each.verdict != Verdict.PASS for each in found[:start])
    counted = found[start:]
    judgement = verdict.combine([Judgement(Verdict(each.verdict), each.cause) for each in counted], before)
    failures = [each for each in counted if each.verdict != Verdict.PASS]
    shown = failures[-1] if judgement.verdict is Verdict.FLAKY else counted[-1]
    return replace(shown, verdict=judgement.verdict, cause=judgement.cause)


def _parse(key: Digest, line: bytes) -> Evidence | None:
    """The evidence in a line of the file for a key; None if this version cannot read it."""
    try:
        values = sealed.opened(line)
        if values.pop("format", None) != FORMAT:
            return None
        found = record.parse(Evidence, values)
    except ValueError:
        return None
    return found if found.key == key and found.verdict in SAID else None


class Ledger:
    """All evidence below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root / "evidence"

    def of(self, key: Digest) -> Seen:
        """All evidence under a key.

        Raises:
            MachineError: the file cannot be read.
        """
        place = self._place(key)
        try:
            lines = files.read(place).split(b"\n")
        except FileNotFoundError:
            return Seen()
        except OSError as error:
            raise MachineError(
                f"evidence cannot be read from {place}: {error.strerror}", _remove(place)
            ) from None
        read = [_parse(key, line) for line in lines if line]
        unread = [number for number, each in enumerate(read) if each is None]
        since = len(read[: unread[-1]]) - (len(unread) - 1) if unread else 0
        return Seen(tuple(each for each in read if each), len(unread), since)

    def append(self, evidence: Evidence) -> None:
        """Adds the evidence of one run.

        Raises:
            MachineError: it cannot be written.
        """
        place = self._place(evidence.key)
        line = sealed.seal({"format": FORMAT, **record.as_values(evidence)})
        try:
            host.make_open(place.parent)
            handle = files.descriptor(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                # The leading line feed separates this line from one that an earlier kill cut short.
                os.write(handle, b"\n" + line + b"\n")
            finally:
                os.close(handle)
        except OSError as error:
            raise MachineError(
                f"evidence cannot be written to {place}: {error.strerror}", _remove(place)
            ) from None

    def _place(self, key: Digest) -> Path:
        return self.root / key[:2] / f"{key}.jsonl"


def _remove(place: Path) -> str:
    return f"Make it a file that you may write, or remove it: rm -r {place}"
