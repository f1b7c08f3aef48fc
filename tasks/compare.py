"""The comparison of this checkout with another commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.compare import checkout_run, commit_diff, revision
from parity.compare.revision import Revision
from parity.core import host, lock
from parity.core.errors import BuildError, InfraError, RevisionError, UserError
from parity.core.row import Row
from parity.report import compared
from tasks import report, suite
from tasks.session import current, task

NAME = "compare"
HANDED_ON = ("only", "tag", "shard", "lanes")  # variables that mean the same at another commit


def task_compare() -> Iterator[Any]:
    """Compare with any other commit: compare:<rev>; regressions, fixes, where else"""
    session = current()
    yield task(NAME, str(task_compare.__doc__), which)
    for word in dict.fromkeys(session.selected):
        base, colon, name = word.partition(":")
        if base == NAME and colon:
            there = revision.resolve(session.space.root, name)  # reports a mistake before anything runs
            yield task(
                word,
                f"compare with {there}",
                against,
                there,
                setup=suite.SUITE_TASKS.setup(session),
                outputs=["report/compare.json", "report/compare.md"],
            )


def which() -> None:
    """Raises UserError: the command names no commit."""
    raise UserError(f"{NAME}:<rev> expected", "such as: doit compare:HEAD~1")


def against(there: Revision) -> bool:
    """Shows the differences from a commit; whether no test passed there and fails here.

    Raises:
        RevisionError: the commit, or this checkout, does not build.
        InfraError: the judge could not judge a test here, or no test has a result on both sides.
    """
    session = current()
    if session.settings.plan:
        return suite.SUITE_TASKS.plan_all(session)
    here: list[Row] = []
    try:
        for arch in session.archs:
            here += suite.SUITE_TASKS.rows(session, arch)
    except BuildError as error:
        raise RevisionError(f"this checkout does not build: {error}", output=error.output) from None
    report.judged(suite.SUITE_TASKS.asked(session, here))
    variables = [f"{name}={value}" for name, value in session.variables.items() if name in HANDED_ON]
    before = checkout_run.rows(session.space, there, session.archs, variables)
    if not commit_diff.compared(before, here):
        raise InfraError(f"no test has a result both here and at {there}: there is nothing to compare")
    moves = commit_diff.moves(before, here)
    if moves:
        session.screen.console.print(compared.grid(there, moves).terminal())
    for line in compared.summary(there, before, here):
        session.screen.note(line)
    folder = session.space.build / "report"
    with lock.held(folder / ".lock"):
        for name, text in (
            ("compare.json", compared.document(there, before, here)),
            ("compare.md", compared.markdown(there, before, here)),
        ):
            host.write_whole(folder / name, text.encode(), session.space.build)
    return not any(move.worse for move in moves)
