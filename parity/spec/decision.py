"""Decisions that apply to the whole project, with reason and date.

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
    """One decision in the file."""

    what: Text  # one sentence
    why: Text  # the reason; when it no longer holds, the decision can change
    since: date
    architectures: list[str]  # the architectures to which it applies
    rules_out: Name | None = None  # a task that these architectures therefore do not have


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
    """Reads all decisions, in the order of the file; `archs` are the known architectures.

    Raises:
        UserError: with file and line, if the file does not match the model.
    """
    file = yamlfile.load(path, dict[str, DecisionEntry])
    for name, entry in file.value.items():
        for number, arch in enumerate(entry.architectures):
            file.word("architecture", arch, archs, name, "architectures", number)
    return tuple(
        Decision(name, each.what, each.why, each.since, tuple(each.architectures), each.rules_out)
        for name, each in file.value.items()
    )


def ruling_out(decisions: Sequence[Decision], task: str, arch: str) -> Decision | None:
    """The decision that excludes a task on an architecture; None if there is none."""
    return next((each for each in decisions if each.rules_out == task and arch in each.archs), None)
