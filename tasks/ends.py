"""The one table of exit statuses, which every path out of the program goes through.

0    all as expected
1    a surprise, in either direction
2    something could not be done: build, machine, infrastructure (2 beats 1)
3    a user's mistake, found before anything ran
125  `compare:<rev>`: one of the two commits does not build (`git bisect run` skips it)
130  interrupted with Ctrl-C (128 and the number of any other signal)

1 and 125 say something about a kernel, and nothing else ever has them.
"""

from __future__ import annotations

import signal
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence

from doit.cmdparse import CmdParseError
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from parity.core import errors
from parity.core.cancellation import CANCELLATION
from parity.core.errors import ParityError, RevisionError, UserError
from parity.docker import daemon
from tasks import bug

INTERRUPTED = 128 + signal.SIGINT
CANNOT = ParityError.exit_code
SURPRISE = 1
DOITS = (CmdParseError, InvalidCommand, InvalidDodoFile, InvalidTask)  # words of doit's own for a mistake


def known_error(error: BaseException) -> ParityError | None:
    """The error to tell the user; None for a bug."""
    if isinstance(error, DOITS):
        return UserError(str(error))
    if isinstance(error, tomllib.TOMLDecodeError):  # nothing else is read as TOML
        return UserError(f"pyproject.toml: {error}")
    return errors.known_error(error) or daemon.known_error(error)


def guarded(work: Callable[[], int]) -> int:
    """The exit status of `work`, or of what it raises, which is said in one line; raises nothing."""
    try:
        return work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        if CANCELLATION.requested:  # what was woken up for the end may have complained
            return INTERRUPTED
        known = known_error(error)
        sys.stderr.write(f"error: {known}\n" if known else f"{bug.report()}\n")
        return known.exit_code if known else CANNOT


def of_actions(status: int, raised: Iterable[ParityError]) -> int:
    """The exit status of a run of tasks: `status` as doit has it, `raised` what ended its actions."""
    codes = {error.exit_code for error in raised}
    if UserError.exit_code in codes:
        return UserError.exit_code
    # That a commit does not build must be all that went wrong, or a bisection would skip it wrongly.
    return RevisionError.exit_code if codes == {RevisionError.exit_code} else status


class Guarded:
    """What is mixed into all commands of doit: what they raise goes through the table."""

    def parse_execute(self, words: Sequence[str]) -> int:
        """Runs the command; its exit status."""
        execute: Callable[[Sequence[str]], int | None] = super().parse_execute  # type: ignore[misc]
        return guarded(lambda: execute(words) or 0)


class Main(DoitMain):  # type: ignore[misc]  # doit carries no types
    """doit with that table; Parity's own commands have it from `Guarded` as well."""

    BIN_NAME = "doit"
    DOIT_CMDS = tuple(type(each.__name__, (Guarded, each), {}) for each in DoitMain.DOIT_CMDS)

    def __init__(self) -> None:
        """Reads doit's settings in pyproject.toml. Raises UserError."""
        try:
            super().__init__()
        except UnicodeDecodeError:
            raise UserError("pyproject.toml is not UTF-8") from None

    def process_args(self, words: Sequence[str]) -> list[str]:
        """See doit, which takes no empty word."""
        rest: list[str] = super().process_args([word for word in words if word])
        return rest
