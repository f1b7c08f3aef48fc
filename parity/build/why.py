"""`doit why`: a workspace that runs no stage, and prints how the inputs of each stage have changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.build.workspace import NAMED, Workspace
from parity.core.errors import MachineError
from parity.core.progress import Progress
from parity.docker import images
from parity.store.stage_history import changes
from parity.store.store import Outputs, action_key

LINES = 20  # of one stage


class UnknownError(Exception):
    """A stage has no stored result, so the inputs of later stages are unknown."""


class Asking(Workspace):
    """Goes through the stages of tasks in the order of a real command."""

    def __init__(self, root: Path, cache: Path, screen: Progress) -> None:
        super().__init__(root, cache, screen)
        self._told: set[str] = set()  # stages, by title
        self._said: set[str] = set()  # lines

    def image(self, role: str) -> images.Image:
        """The tool image. Raises MachineError if it does not exist or Docker does not work."""
        if role not in self._images:
            found = images.present(self.engine, role, self.root, self.cache)
            if found is None:
                raise MachineError(f"the tool image {role} does not exist yet", hint=f"doit images:{role}")
            self.compare({images.title(role): found.inputs})
            self._images[role] = found
        return self._images[role]

    def cached_stages(
        self,
        stage: str,
        title: str,
        wanted: Mapping[str, Mapping[str, Any]],
        make: Callable[[Sequence[str]], Mapping[str, Outputs]],
    ) -> dict[str, Outputs]:
        """Prints the changed inputs; returns the stored outputs.

        Raises:
            UnknownError: the store has no outputs for some of these inputs.
        """
        self.compare(wanted)
        cached: dict[str, Outputs] = {}
        for each, inputs in wanted.items():
            outputs, complaint = self.store.lookup(action_key(stage, inputs))
            if complaint:
                self.screen.note(f"  {complaint}")
            if outputs is not None:
                cached[each] = outputs
        missing = [each for each in wanted if each not in cached]
        if missing:
            names = title if len(missing) > NAMED else ", ".join(missing)
            self._say_once(f"  no cached result for {names}: it would be made, then all later stages")
            raise UnknownError(title)
        return cached

    def _say_once(self, line: str) -> None:
        if line not in self._said:
            self.screen.note(line)
            self._said.add(line)

    def compare(self, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        """Prints the differences to the last inputs by title; stages with the same differences share a line.

        Each stage is printed once.
        """
        alike: dict[tuple[str, ...], list[str]] = {}
        for title, inputs in wanted.items():
            if title in self._told:
                continue
            self._told.add(title)
            alike.setdefault(tuple(self._differences(title, inputs)), []).append(title)
        for found, titles in alike.items():
            more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
            self.screen.note(f"{', '.join(titles[:NAMED])}{more}: {found[0] if len(found) == 1 else ''}")
            shown = found if len(found) > 1 else ()
            for line in shown[:LINES]:
                self.screen.note(f"  {line}")
            if len(shown) > LINES:
                self.screen.note(f"  and {len(shown) - LINES} more")

    def _differences(self, title: str, inputs: Mapping[str, Any]) -> list[str]:
        before = self.history.inputs(title)
        if self.history.another_version(title):
            return ["was last made here by another version of Parity"]
        if before is None:
            return ["has not run in this checkout"]
        forgotten = ["it was forgotten"] if self.history.forgotten(title) else []
        return forgotten + changes(before, inputs) or ["nothing changed since it last ran"]
