"""`doit run` with Parity's exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from doit.cmd_run import Run as DoitRun

from parity.core.errors import UserError
from tasks import ends, session


class Run(ends.Guarded, DoitRun):  # type: ignore[misc]  # doit carries no types
    """doit's run; `tasks/ends.py` has the table of statuses."""

    name = "run"

    def execute(self, params: Any, args: Sequence[str]) -> int:
        """Runs the selected tasks and returns the exit status."""
        if params["num_process"]:
            sys.stderr.write("error: -n makes processes that share no lanes; use lanes=N instead\n")
            return UserError.exit_code
        status: int = super().execute(params, args)
        return ends.of_actions(status, session.current().accumulated.errors)
