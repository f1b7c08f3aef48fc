"""A workspace that makes nothing: it says what every stage would be made of now, against the last time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from parity import images
from parity.errors import MachineError
from parity.history import changes
from parity.store import Outputs, action_key
from parity.workspace import Workspace


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

    def kept(self, stage: str, title: str, inputs: Mapping[str, Any], make: Callable[[], Outputs]) -> Outputs:
        """Says what changed; gives what is kept.

        Raises:
            UnknownError: nothing is kept for these inputs.
        """
        key = action_key(stage, inputs)
        if key in self._done:
            return self._done[key]
        self.compare(title, inputs)
        outputs, complaint = self.store.lookup(key)
        if complaint:
            self.screen.note(f"  {complaint}")
        if outputs is None:
            self.screen.note("  nothing is kept for these inputs: it would be made, then what needs it")
            raise UnknownError(title)
        self._done[key] = outputs
        return outputs

    def compare(self, title: str, inputs: Mapping[str, Any]) -> None:
        """Says what differs from the last time."""
        before = self.history.inputs(title)
        found = changes(before, inputs) if before is not None else []
        if self.history.forgotten(title):
            found = ["it was forgotten", *found]
        if before is None:
            self.screen.note(f"{title}: has not run in this checkout")
        elif not found:
            self.screen.note(f"{title}: nothing changed since it last ran")
        else:
            self.screen.note(f"{title}:")
        for line in found:
            self.screen.note(f"  {line}")
