"""Decisions: what was settled once for the whole project, why and since when.

`decisions.yaml` maps an id to

    what           one sentence
    why            the reason, which is what a decision is reconsidered by
    since          the day, YYYY-MM-DD
    architectures  those it is about, of the tree's
    rules_out      a task that these architectures do not have because of it (optional)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from parity.core import yamlfile
from parity.core.yamlfile import Node

REQUIRED = ("what", "why", "since", "architectures")


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
    return tuple(_decision(name, node, archs) for name, node in yamlfile.load(path).mapping())


def against(decisions: Sequence[Decision], task: str, arch: str) -> Decision | None:
    """The decision by which an architecture does not have a task, if there is one."""
    return next((each for each in decisions if each.rules_out == task and arch in each.archs), None)


def _decision(name: str, node: Node, archs: Sequence[str]) -> Decision:
    decision = node.mapping((*REQUIRED, "rules_out"), required=REQUIRED)
    rules_out = decision.get("rules_out")
    try:
        since = date.fromisoformat(decision["since"].text())
    except ValueError:
        raise decision["since"].error("a day expected, as YYYY-MM-DD") from None
    return Decision(
        id=name,
        what=decision["what"].text(),
        why=decision["why"].text(),
        since=since,
        archs=tuple(each.one_of("architecture", archs) for each in decision["architectures"].items()),
        rules_out=rules_out.text() if rules_out else None,
    )
