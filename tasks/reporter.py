"""doit's reporter: it prints only what the stages do not print themselves."""

from __future__ import annotations

import sys
from typing import Any

from doit.exceptions import BaseFail, UnmetDependency
from doit.reporter import ZeroReporter


class Reporter(ZeroReporter):  # type: ignore[misc]  # doit carries no types
    """Prints the tasks that did not run because another task failed."""

    desc = "prints only tasks that did not run"

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task that failed or was not run."""
        if isinstance(fail, UnmetDependency):
            self.write(f"{task.name}: not run\n")
        elif fail.report:
            sys.stderr.write(f"{task.name}: {fail.get_msg()}\n")
