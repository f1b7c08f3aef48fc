"""Canaries: guests built to deceive, each with the one verdict it must earn.

Keys of `suites/canaries.yaml`: `features` (the feature set of their kernel), `cpu_budget_s` (CPU seconds
before one counts as hung) and `canaries`, from name to

    expected        the verdict, or one per architecture
    command_line    the kernel's command line, `init=` included where a program takes part
    says            text that the judge's sentence must hold, or one per architecture (optional)
    kill            true: the emulator is killed from outside once the kernel has said hello
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from parity import yamlfile
from parity.engine import Engine
from parity.evidence import Evidence
from parity.lane import DockerLane, Lane, Message
from parity.machine import RunSpec
from parity.verdict import Verdict

KEYS = ("expected", "command_line", "says", "kill")


@dataclass(frozen=True)
class Canary:
    """One guest built to deceive. `expected` and `says` are by architecture."""

    name: str
    expected: dict[str, Verdict]
    command_line: str
    cpu_budget_s: float
    says: dict[str, str] = field(default_factory=dict)
    kill: bool = False

    def spec(self, like: RunSpec) -> RunSpec:
        """The guest: as `like`, but with this canary's name and command line."""
        return replace(like, test=self.name, cmdline=self.command_line, cpu_budget_s=self.cpu_budget_s)

    def earned(self, seen: Evidence) -> bool:
        """Whether the verdict is the one it must be, for the reason it must be."""
        return seen.verdict == self.expected[seen.arch] and self.says.get(seen.arch, "") in seen.cause


def load(path: Path, archs: Sequence[str]) -> tuple[str, list[Canary]]:
    """The feature set of the canaries' kernel, and the canaries.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    top = yamlfile.load(path).mapping(known := ("features", "cpu_budget_s", "canaries"), required=known)
    canaries = []
    for name, node in top["canaries"].mapping():
        canary = node.mapping(KEYS, required=("expected", "command_line"))
        expected, says, kill = canary["expected"].each(archs), canary.get("says"), canary.get("kill")
        canaries.append(
            Canary(
                name=name,
                expected={
                    arch: Verdict(value.one_of("verdict", Verdict)) for arch, value in expected.items()
                },
                command_line=canary["command_line"].text(),
                cpu_budget_s=top["cpu_budget_s"].number(),
                says={arch: value.text() for arch, value in says.each(archs).items()} if says else {},
                kill=kill.flag() if kill else False,
            )
        )
    return top["features"].text(), canaries


class KilledFromOutside:
    """A lane whose emulators are killed by somebody else as soon as their kernel has said something."""

    def __init__(self, lane: DockerLane, engine: Engine) -> None:
        self._lane: Lane = lane
        self._container, self._engine = lane.id, engine

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """See Lane."""
        emulator: int | None = None
        for message in self._lane.run(spec):
            if message.kind == "started":
                emulator = message.fields["pid"]
            yield message
            if message.kind == "channel" and emulator is not None:
                self._engine.execute(self._container, ["sh", "-c", f"kill -KILL {emulator}"])
                emulator = None

    def stop(self) -> None:
        """See Lane."""
        self._lane.stop()

    def close(self) -> None:
        """See Lane."""
        self._lane.close()


def off_diagonal(canaries: Sequence[Canary], seen: dict[str, Evidence]) -> list[Canary]:
    """The canaries that did not earn their verdict."""
    return [canary for canary in canaries if not canary.earned(seen[canary.name])]
