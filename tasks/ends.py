"""The exit statuses of all commands.

0    all as expected
1    a surprise: a verdict that is better or worse than expected
2    a failure of the build, the machine or the infrastructure (takes precedence over 1)
3    a user's mistake, found before anything ran
125  `compare:<rev>`: one of the two commits does not build (`git bisect run` skips it)
130  interrupted with Ctrl-C (128 + the number of any other signal)

Only results about a kernel give 1 or 125.
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
DOIT_ERRORS = (CmdParseError, InvalidCommand, InvalidDodoFile, InvalidTask)  # doit's errors of users


def known_error(error: BaseException) -> ParityError | None:
    """The error as a ParityError; None for a bug."""
    if isinstance(error, DOIT_ERRORS):
        return UserError(str(error))
    if isinstance(error, tomllib.TOMLDecodeError):  # nothing else is read as TOML
        return UserError(f"pyproject.toml: {error}")
    return errors.known_error(error) or daemon.known_error(error)


def guarded(work: Callable[[], int]) -> int:
    """Runs `work`; returns its exit status, or prints its exception and returns that one's. Never raises."""
    try:
        return work()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseException as error:
        if CANCELLATION.requested:  # a wait that was woken up may have raised another error
            return INTERRUPTED
        known = known_error(error)
        sys.stderr.write(f"error: {known}\n" if known else f"{bug.report()}\n")
        return known.exit_code if known else CANNOT


def of_actions(status: int, raised: Iterable[ParityError]) -> int:
    """The exit status of a run of tasks: `status` is doit's; `raised` are the errors of its actions."""
    codes = {error.exit_code for error in raised}
    if UserError.exit_code in codes:
        return UserError.exit_code
    # 125 only if nothing else failed; otherwise a bisection would skip the commit wrongly.
    return RevisionError.exit_code if codes == {RevisionError.exit_code} else status


class Guarded:
    """A mixin for all doit commands: converts their exceptions to exit statuses."""

    def parse_execute(self, words: Sequence[str]) -> int:
        """Runs the command; returns its exit status."""
        execute: Callable[[Sequence[str]], int | None] = super().parse_execute  # type: ignore[misc]
        return guarded(lambda: execute(words) or 0)


class Main(DoitMain):  # type: ignore[misc]  # doit carries no types
    """doit, with `Guarded` commands."""

    BIN_NAME = "doit"
    DOIT_CMDS = tuple(type(each.__name__, (Guarded, each), {}) for each in DoitMain.DOIT_CMDS)

    def __init__(self) -> None:
        """Reads doit's settings in pyproject.toml. Raises UserError."""
        try:
            super().__init__()
        except UnicodeDecodeError:
            raise UserError("pyproject.toml is not UTF-8") from None

    def process_args(self, words: Sequence[str]) -> list[str]:
        """See doit. Empty arguments are removed, because doit cannot handle them."""
        rest: list[str] = super().process_args([word for word in words if word])
        return rest
