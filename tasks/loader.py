"""Loads the tasks for all doit commands: opens the session, and reports user errors."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from doit import doit_cmd
from doit.cmd_base import DodoTaskLoader
from doit.exceptions import InvalidCommand

from parity.core.cancellation import CANCELLATION
from parity.core.errors import UserError
from parity.core.yamlfile import nearest
from tasks import session
from tasks.settings import ALL


class Loader(DodoTaskLoader):  # type: ignore[misc]  # doit carries no types
    """doit's loader of dodo.py; it gives the command line to the task creators."""

    def __init__(self) -> None:
        """Replaces a doit process that handles signals itself (`python -m doit`) by Parity's own."""
        if threading.current_thread() is threading.main_thread():
            os.execv(sys.executable, [sys.executable, "-m", "tasks", *sys.argv[1:]])
        super().__init__()

    def load_tasks(self, cmd: Any, pos_args: Sequence[str]) -> list[Any]:
        """Loads all tasks. Raises InvalidCommand (status 3) for a user error."""
        selected = [word for word in pos_args if not word.startswith("-")]
        try:
            session.begin(Path.cwd(), dict(doit_cmd._CMDLINE_VARS or {}), selected)
            tasks: list[Any] = super().load_tasks(cmd, pos_args)
        except UserError as error:
            raise InvalidCommand(str(error)) from None
        CANCELLATION.check()
        session.current().accumulated.tasks.extend(tasks)
        _check(selected, [task.name for task in tasks], session.current().settings.arch)
        return tasks


def _check(selected: Sequence[str], names: Sequence[str], arch: str) -> None:
    """Raises InvalidCommand for a word that selects no task. (doit ignores such a pattern.)"""
    for word in selected:
        if any(fnmatchcase(name, word) if "*" in word else name == word for name in names):
            continue
        base = word.partition(":")[0]
        subs = [name for name in names if name.startswith(f"{base}:")]
        near = subs or [name for name in names if ":" not in name]
        where = "" if arch == ALL else f" with arch={arch}"
        raise InvalidCommand(f"there is no task {word!r}{where}; {nearest(word, near)}")
