"""The runs of stress tests that a checkout remembers: a line per guest, on the disk as the guest ends.

    build/report/kthread.jsonl   a JSON object a line (parity.stress.Run), oldest first; an id's last counts

A command killed at any moment loses no guest that had ended. A line cut by a kill is no JSON: passed over.
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path

from parity import host, lock
from parity.errors import foreseen
from parity.stress import Run

KEPT = 2000  # runs that outlive the next command


class RunLog:
    """The runs in one file; several commands may use it at once."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def runs(self) -> list[Run]:
        """All that is remembered, oldest first."""
        try:
            lines = self.place.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        found: dict[str, Run] = {}
        for line in lines:
            try:
                run = Run(**json.loads(line))
            except (ValueError, TypeError):
                continue
            found.pop(run.id, None)  # to the end
            found[run.id] = run
        return list(found.values())

    def trim(self) -> None:
        """Forgets the oldest, where there are many; raises MachineError."""
        with self._alone():
            runs = self.runs()
            if len(runs) > KEPT:
                text = "".join(_line(run) for run in runs[-KEPT:])
                host.write_whole(self.place, text.encode(), self.place.parent.parent)

    def add(self, run: Run) -> None:
        """Remembers a run, for good once this returns.

        Raises:
            MachineError: it cannot be written.
        """
        try:
            with self._alone():
                # A line feed first: what an earlier kill has cut must not swallow this line.
                handle = os.open(self.place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
                try:
                    os.write(handle, ("\n" + _line(run)).encode())
                    os.fsync(handle)
                finally:
                    os.close(handle)
        except OSError as error:
            raise foreseen(error) or error from None

    def _alone(self) -> AbstractContextManager[None]:
        return lock.held(self.place.with_name(f".{self.place.name}.lock"))


def _line(run: Run) -> str:
    return json.dumps(asdict(run), sort_keys=True) + "\n"
