"""`doit run`, with the one table of exit statuses.

0    all as expected
1    a surprise, in either direction
2    something could not be done: build, machine, infrastructure (2 beats 1)
3    a user's mistake, found before anything ran
125  `compare:<rev>`: one of the two commits does not build (`git bisect run` skips it)
130  interrupted with Ctrl-C
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from doit.cmd_run import Run as DoitRun
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from parity.errors import ParityError, RevisionError, UserError, foreseen
from tasks import bug, session

INTERRUPTED = 130


class Run(DoitRun):  # type: ignore[misc]  # doit carries no types
    """doit's run; what doit would show as a traceback becomes a status and one line."""

    name = "run"

    def execute(self, params: Any, args: Sequence[str]) -> int:
        """Runs the selected tasks and returns the exit status."""
        if params["num_process"]:
            sys.stderr.write("error: -n makes processes that share no lanes; say lanes=N instead\n")
            return UserError.exit_code
        try:
            status: int = super().execute(params, args)
        except (CmdParseError, InvalidCommand, InvalidDodoFile, InvalidTask):
            raise  # doit's own words, and 3
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            return INTERRUPTED
        except Exception as error:
            known = foreseen(error)
            sys.stderr.write(f"error: {known}\n" if known else f"{bug.report()}\n")
            return known.exit_code if known else ParityError.exit_code
        ends = {error.exit_code for error in session.current().errors}
        return next((code for code in (UserError.exit_code, RevisionError.exit_code) if code in ends), status)
