"""doit's own database, in memory only: the store decides what must run again.

doit's database files hold only the last state of a task (A → B → A would be a rebuild), and concurrent
commands corrupt them.
"""

from __future__ import annotations

from typing import Any


class MemoryDB:
    """The interface of doit's backends (`doit.dependency.JsonDB`) without a file."""

    desc = "in memory; lost after the command"

    def __init__(self, name: str, codec: Any, **_options: Any) -> None:
        self.name = name
        self._tasks: dict[str, dict[str, Any]] = {}

    def dump(self) -> None:
        """Does nothing."""

    def set(self, task_id: str, dependency: str, value: Any) -> None:
        """Stores a value until the command ends."""
        self._tasks.setdefault(task_id, {})[dependency] = value

    def get(self, task_id: str, dependency: str) -> Any:
        """A stored value, or None."""
        return self._tasks.get(task_id, {}).get(dependency)

    def in_(self, task_id: str) -> bool:
        """Whether the task has stored values."""
        return task_id in self._tasks

    def remove(self, task_id: str) -> None:
        """Removes the values of a task."""
        self._tasks.pop(task_id, None)

    def remove_all(self) -> None:
        """Removes all values."""
        self._tasks.clear()
