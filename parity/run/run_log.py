"""The log of stress runs in a checkout: a line per guest, written when the guest ends.

    build/report/kthread.jsonl   a `parity.run.stress.Run` per line, as JSON, oldest first; an id's last
    counts

A kill loses no guest that had ended. A line that cannot be read, because a kill cut it or another version
wrote it, is skipped and counted.
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path

from parity.core import host, lock, record
from parity.core.errors import known_error
from parity.run.stress import Run

FORMAT = 1  # of a line; one that says nothing of it is of the first
KEPT = 2000  # runs that `trim` keeps


class RunLog:
    """The runs in one file; several commands may use it at once."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def runs(self) -> list[Run]:
        """All readable runs, oldest first."""
        found: dict[str, Run] = {}
        for run in map(_parse, self._lines()):
            if run:
                found.pop(run.id, None)  # to the end
                found[run.id] = run
        return list(found.values())

    def unread(self) -> list[str]:
        """The lines that this version cannot read."""
        return [line for line in self._lines() if not _parse(line)]

    def _lines(self) -> list[str]:
        try:
            text = self.place.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        return [line for line in text.split("\n") if line]

    def trim(self) -> None:
        """Removes the oldest readable runs beyond KEPT; raises MachineError."""
        with self._alone():
            runs = self.runs()
            if len(runs) > KEPT:
                others = "".join(f"{line}\n" for line in self.unread())
                text = others + "".join(_line(run) for run in runs[-KEPT:])
                host.write_whole(self.place, text.encode(), self.place.parent.parent)

    def add(self, run: Run) -> None:
        """Appends a run; it is on the disk once this returns.

        Raises:
            MachineError: it cannot be written.
        """
        try:
            with self._alone():
                # A line feed first, so that a line cut by a kill does not damage this line.
                handle = os.open(self.place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                try:
                    os.write(handle, ("\n" + _line(run)).encode())
                    os.fsync(handle)
                finally:
                    os.close(handle)
        except OSError as error:
            raise known_error(error) or error from None

    def _alone(self) -> AbstractContextManager[None]:
        return lock.held(self.place.with_name(f".{self.place.name}.lock"))


def _line(run: Run) -> str:
    return json.dumps({"format": FORMAT, **record.as_values(run)}, sort_keys=True) + "\n"


def _parse(line: str) -> Run | None:
    """The run of a line; None if this version cannot read it."""
    try:
        values = json.loads(line)
        return record.parse(Run, values) if values.pop("format", FORMAT) == FORMAT else None
    except (ValueError, TypeError, AttributeError):
        return None
