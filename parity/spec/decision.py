"""Decisions: what was settled once for the whole project, why and since when.

`decisions.yaml` maps an id to a `DecisionEntry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from parity.core import yamlfile
from parity.core.yamlfile import Model, Name, Text


class DecisionEntry(Model, frozen=True):
    """What the file says of one decision."""

    what: Text  # one sentence
    why: Text  # the reason, by which the decision is reconsidered
    since: date
    architectures: list[str]  # those it is about, of the tree's
    rules_out: Name | None = None  # a task that these architectures do not have because of it


@dataclass(frozen=True)
class Decision:
    """One decision."""

    id: str
    what: str
    why: str
    since: date
    archs: tuple[str, ...]
    rules_out: str | None = None  # the name of a task, without architecture

    def __str__(self) -> str:
        return f"{self.id}, {self.since}: {self.what}: {self.why}"


def load(path: Path, archs: Sequence[str]) -> tuple[Decision, ...]:
    """All decisions, in the order of the file; `archs` are the architectures that there are.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    file = yamlfile.load(path, dict[str, DecisionEntry])
    for name, entry in file.value.items():
        for number, arch in enumerate(entry.architectures):
            file.word("architecture", arch, archs, name, "architectures", number)
    return tuple(
        Decision(name, each.what, each.why, each.since, tuple(each.architectures), each.rules_out)
        for name, each in file.value.items()
    )


def against(decisions: Sequence[Decision], task: str, arch: str) -> Decision | None:
    """The decision by which an architecture does not have a task, if there is one."""
    return next((each for each in decisions if each.rules_out == task and arch in each.archs), None)
