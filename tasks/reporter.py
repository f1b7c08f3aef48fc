"""doit's reporter: silent where stages speak for themselves, one line where doit alone knows."""

from __future__ import annotations

import sys
from typing import Any

from doit.exceptions import BaseFail, UnmetDependency
from doit.reporter import ZeroReporter


class Reporter(ZeroReporter):  # type: ignore[misc]  # doit carries no types
    """Says what was not run because something before it failed; the rest the stages have said."""

    desc = "stages speak for themselves"

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """A task that failed or was not run."""
        if isinstance(fail, UnmetDependency):
            self.write(f"{task.name}: not run\n")
        elif fail.report:
            sys.stderr.write(f"{task.name}: {fail.get_msg()}\n")
