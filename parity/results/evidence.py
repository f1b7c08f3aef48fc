"""What was seen of a test under which digests: append-only, shared by all checkouts of a user.

    evidence/ab/abcdef….jsonl   a sealed line each, oldest first, under the key of everything that mattered

A line is written with one append. One that cannot be read (cut by a kill in mid-write, damaged, with a value
that cannot be, of a version that writes another format) is left alone: it may be a failure, so passes that
were seen before it do not count as known. The recording of the guest lies in the store under `recording`, so
that every verdict can be judged again.
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
SAID = ("pass", "fail", "panic", "hang", "crash")  # verdicts on one guest that say something about its kernel


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
    host_pressure: Share | None = None  # share of wall_s in which something here waited for a processor
    # Of a guest that hung or died: what was the matter, in a word and a sentence; a text that is the same for
    # guests that are ill of the same; and what was found, JSON in the store (parity.report.autopsy).
    failure_kind: Line | None = None
    sentence: Line | None = None
    failure_signature: Line | None = None
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


def _parse(key: Digest, line: bytes) -> Evidence | None:
    """What a line says that was seen under a key; None where this version cannot tell."""
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
        """Everything seen under a key.

        Raises:
            MachineError: there is something that cannot be read at all.
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
        """Adds what was seen.

        Raises:
            MachineError: it cannot be written.
        """
        place = self._place(evidence.key)
        line = sealed.seal({"format": FORMAT, **record.as_values(evidence)})
        try:
            host.make_open(place.parent)
            handle = files.descriptor(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                # A leading line feed keeps a line that an earlier kill cut short from swallowing this one.
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
