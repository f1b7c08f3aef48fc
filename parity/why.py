"""A workspace that makes nothing: it says what every stage would be made of now, against the last time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parity import images
from parity.errors import MachineError
from parity.history import changes
from parity.store import Outputs, action_key
from parity.workspace import NAMED, Workspace


class UnknownError(Exception):
    """What comes after a stage that has to be made first cannot be known."""


class Asking(Workspace):
    """Walks the stages of a task as a command would."""

    def image(self, role: str) -> images.Image:
        """The tool image, if it is there; raises MachineError otherwise, or without Docker."""
        found = images.present(self.engine, role, self.root, self.cache)
        if found is None:
            raise MachineError(f"the tool image {role} has to be made first", hint=f"doit images:{role}")
        return found

    def kept_all(
        self,
        stage: str,
        title: str,
        wanted: Mapping[str, Mapping[str, Any]],
        make: Callable[[Sequence[str]], Mapping[str, Outputs]],
    ) -> dict[str, Outputs]:
        """Says what changed; gives what is kept.

        Raises:
            UnknownError: nothing is kept for some of these inputs.
        """
        keys = {each: action_key(stage, inputs) for each, inputs in wanted.items()}
        self.compare({each: wanted[each] for each, key in keys.items() if key not in self._done})
        found = {each: self._done.get(key) or self.store.lookup(key)[0] for each, key in keys.items()}
        missing = [each for each, outputs in found.items() if outputs is None]
        if missing:
            names = title if len(missing) > NAMED else ", ".join(missing)
            self.screen.note(f"  nothing is kept for {names}: it would be made, then what needs it")
            raise UnknownError(title)
        kept = {each: outputs for each, outputs in found.items() if outputs is not None}
        self._done.update({keys[each]: outputs for each, outputs in kept.items()})
        return kept

    def compare(self, wanted: Mapping[str, Mapping[str, Any]]) -> None:
        """Says what differs from the last time, by title; those in which the same does share a line."""
        alike: dict[tuple[str, ...], list[str]] = {}
        for title, inputs in wanted.items():
            alike.setdefault(tuple(self._differences(title, inputs)), []).append(title)
        for found, titles in alike.items():
            more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
            self.screen.note(f"{', '.join(titles[:NAMED])}{more}: {found[0] if len(found) == 1 else ''}")
            for line in found if len(found) > 1 else ():
                self.screen.note(f"  {line}")

    def _differences(self, title: str, inputs: Mapping[str, Any]) -> list[str]:
        before = self.history.inputs(title)
        if before is None:
            return ["has not run in this checkout"]
        forgotten = ["it was forgotten"] if self.history.forgotten(title) else []
        return forgotten + changes(before, inputs) or ["nothing changed since it last ran"]
