"""Parses the plain output of a command: stages and their seconds, stored results, guests.

    userspace aarch64: done in 12.3 s
    kernel aarch64-testing: kept
    3/24 pass fork_test aarch64 0.63 s
    24 guests on 2 lanes in 6.214 s, 1.21 × the ideal of 5.155 s

Written by parity/report/terminal.py, parity/build/workspace.py and, for .venv, by the wrapper doit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from parity.core.errors import InfraError
from parity.core.progress import LaneUse, Stage

MADE = re.compile(r"(?:doit: )?(?P<title>\S.*): done in (?P<seconds>[\d.]+) s")
KEPT = re.compile(r"(?P<title>\S.*): kept")
ENDED = re.compile(r"\d+/\d+ (?P<verdict>\w+) (?P<name>\S+) (?P<arch>\S+) [\d.]+ s")
USED = re.compile(
    r"(?P<guests>\d+) guests on (?P<lanes>\d+) lanes in (?P<span>[\d.]+) s, "
    r"[\d.]+ × the ideal of (?P<ideal>[\d.]+) s"
)


@dataclass(frozen=True)
class Output:
    """The output of a command, and the seconds from its start to its end."""

    lines: Sequence[str]
    seconds: float

    @property
    def made(self) -> list[Stage]:
        """The stages that ran, in order."""
        found = (MADE.fullmatch(line) for line in self.lines)
        return [Stage(match["title"], float(match["seconds"])) for match in found if match]

    @property
    def kept(self) -> list[str]:
        """The stages with a stored result, in order, each once."""
        found = (KEPT.fullmatch(line) for line in self.lines)
        return list(dict.fromkeys(match["title"] for match in found if match))

    @property
    def guests(self) -> list[str]:
        """The guests that ran and were as expected, as "NAME ARCHITECTURE", in the order of their ends."""
        found = (ENDED.fullmatch(line) for line in self.lines)
        return [f"{match['name']} {match['arch']}" for match in found if match]

    @property
    def uses(self) -> list[LaneUse]:
        """How lanes were used, once per pool that ran more than one guest."""
        found = (USED.fullmatch(line) for line in self.lines)
        return [
            LaneUse(
                guests=int(match["guests"]),
                lanes=int(match["lanes"]),
                span_s=float(match["span"]),
                wall_s=float(match["ideal"]) * int(match["lanes"]),
            )
            for match in found
            if match
        ]

    @property
    def use(self) -> LaneUse:
        """How the lanes were used, where one pool was; raises InfraError otherwise."""
        uses = self.uses
        if len(uses) != 1:
            raise InfraError(f"one pool of lanes expected in the output, found {len(uses)}")
        return uses[0]
