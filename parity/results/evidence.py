"""What was seen of a test under which digests: append-only, shared by all checkouts of a user.

    evidence/ab/abcdef….jsonl   a JSON object a line, oldest first, under the key of everything that mattered

A line is written with one append. One that cannot be read, cut by a kill in mid-write or of a version that
writes another format, is left alone: it may be a failure, so passes that were seen before it do not count as
known. The recording of the guest lies in the store under `recording`, so that every verdict can be judged
again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parity.core import record
from parity.core.errors import MachineError
from parity.judge import verdict
from parity.judge.verdict import Judgement, Verdict
from parity.store.store import Digest

FORMAT = 1  # of a line; one that says nothing of it is of the first


@dataclass(frozen=True)
class Evidence:
    """One run of one test."""

    key: Digest
    test: str
    arch: str
    verdict: str
    cause: str
    guest_s: float | None
    wall_s: float
    kernel: Digest
    disk: Digest | None
    emulator: str
    host: str
    recording: Digest
    when: str  # UTC, ISO 8601
    host_pressure: float | None = None  # share of wall_s in which something here waited for a processor
    # Of a guest that hung or died: what was the matter, in a word and a sentence; a text that is the same for
    # guests that are ill of the same; and what was found, JSON in the store (parity.report.autopsy).
    failure_kind: str | None = None
    sentence: str | None = None
    failure_signature: str | None = None
    autopsy: Digest | None = None
    fresh: bool = False  # the count of passes and failures began anew with this run


@dataclass(frozen=True)
class Seen:
    """What was seen under a key, oldest first: `found`, which can be read, and `unread` lines, which cannot.

    `since` of those that can be read are older than the last that cannot.
    """

    found: tuple[Evidence, ...] = ()
    unread: int = 0
    since: int = 0

    @property
    def known(self) -> Evidence | None:
        """All of it as one; None where it would be a pass, and none was seen since a line was unreadable."""
        one = summed(self.found)
        if one is None or not self.unread:
            return one
        if one.verdict == Verdict.PASS and self.since == len(self.found):
            return None
        return replace(one, cause=f"{one.cause}; passed over: {self.unread} unreadable records")


def summed(found: Sequence[Evidence]) -> Evidence | None:
    """All that was seen under a key as one: its verdict may be flaky, its log is the last failure's if so."""
    if not found:
        return None
    start = max((number for number, each in enumerate(found) if each.fresh), default=0)
    before = sum(each.verdict != Verdict.PASS for each in found[:start])
    counted = found[start:]
    judgement = verdict.combine([Judgement(Verdict(each.verdict), each.cause) for each in counted], before)
    failures = [each for each in counted if each.verdict != Verdict.PASS]
    shown = failures[-1] if judgement.verdict is Verdict.FLAKY else counted[-1]
    return replace(shown, verdict=judgement.verdict, cause=judgement.cause)


def _parse(key: Digest, line: str) -> Evidence | None:
    """What a line says that was seen under a key; None where this version cannot tell."""
    try:
        values = json.loads(line)
        if values.pop("format", FORMAT) != FORMAT:
            return None
        found = record.parse(Evidence, values)
        Verdict(found.verdict)
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    return found if found.key == key else None


class Ledger:
    """All evidence below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root / "evidence"

    def of(self, key: Digest) -> Seen:
        """Everything seen under a key."""
        try:
            lines = self._place(key).read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return Seen()
        read = [_parse(key, line) for line in lines if line]
        unread = [number for number, each in enumerate(read) if each is None]
        since = len(read[: unread[-1]]) - (len(unread) - 1) if unread else 0
        return Seen(tuple(each for each in read if each), len(unread), since)

    def append(self, evidence: Evidence) -> None:
        """Adds what was seen.

        Raises:
            MachineError: it cannot be written.
        """
        place = self._place(evidence.key)
        line = json.dumps({"format": FORMAT, **record.as_values(evidence)}, sort_keys=True) + "\n"
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            # A leading newline keeps a line that an earlier kill cut short from swallowing this one.
            handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, ("\n" + line).encode())
            finally:
                os.close(handle)
        except OSError as error:
            raise MachineError(f"evidence cannot be written to {place}: {error.strerror}") from None

    def _place(self, key: Digest) -> Path:
        return self.root / key[:2] / f"{key}.jsonl"
