"""doit's own database, in memory: whether something has to be done again is the store's to say.

The files doit can keep know only the last state of a task by name (A → B → A is a rebuild), and two commands
at once tear them.
"""

from __future__ import annotations

from typing import Any


class MemoryDB:
    """The interface of doit's backends (`doit.dependency.JsonDB`) without a file."""

    desc = "nothing is kept between commands"

    def __init__(self, name: str, codec: Any, **_options: Any) -> None:
        self.name = name
        self._tasks: dict[str, dict[str, Any]] = {}

    def dump(self) -> None:
        """Nothing to write."""

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Remembers a value until the command ends."""
        self._tasks.setdefault(task_id, {})[dependency] = value

    def get(self, task_id: str, dependency: str) -> Any:
        """A value of this command, or None."""
        return self._tasks.get(task_id, {}).get(dependency)

    def in_(self, task_id: str) -> bool:
        """Whether anything is known of the task."""
        return task_id in self._tasks

    def remove(self, task_id: str) -> None:
        """Forgets a task."""
        self._tasks.pop(task_id, None)

    def remove_all(self) -> None:
        """Forgets all tasks."""
        self._tasks.clear()
