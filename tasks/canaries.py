"""Canaries: guests that try to deceive the judge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from parity.core.errors import UserError
from parity.report import marked, selftest
from parity.report.grid import Grid
from parity.selftest import canary, canary_run
from parity.selftest.canary import Canary, Seen
from tasks.session import Session, current, task

README = "canaries:readme"
PAGE = Path("docs", "verdicts.md")


def task_canaries() -> Iterator[Any]:
    """Run guests built to deceive; each must get its expected verdict and failure kind"""
    doc, guests = str(task_canaries.__doc__), current().archs
    yield task("canaries", doc, canaries, after=["images"], guests=guests)
    yield task(README, "Write the matrix into docs/verdicts.md", readme, after=["images"], guests=guests)


def canaries() -> bool:
    """Runs all canaries on every architecture; whether each got its expected verdict."""
    return _show(current(), *_run(current()))


def readme() -> bool:
    """Runs all canaries and writes the confusion matrices into docs/verdicts.md; whether all is as expected.

    Raises:
        UserError: the page lacks the marks, or the command selects one architecture only.
    """
    session = current()
    if session.archs != session.tree.archs:
        raise UserError("the page has all architectures: leave arch= out")
    all_canaries, seen = _run(session)
    matrices = [matrix.markdown() for matrix in _matrices(all_canaries, seen)]
    marked.write(session.space.root / PAGE, README, matrices)
    return _show(session, all_canaries, seen)


def _show(session: Session, all_canaries: Sequence[Canary], seen: Seen) -> bool:
    """Prints the verdicts and the matrices; whether each canary got what it must get."""
    print_ = session.screen.console.print
    print_(selftest.canaries(all_canaries, seen, session.archs))
    for matrix in _matrices(all_canaries, seen):
        print_(matrix.terminal())
    unexpected = selftest.unexpected(all_canaries, seen)
    for line in unexpected:
        session.screen.note(line, "red")
    good = len(seen) - len(unexpected)
    session.screen.note(f"{good} of {len(seen)} canaries got their expected verdict and failure kind")
    return not unexpected


def _matrices(all_canaries: Sequence[Canary], seen: Seen) -> list[Grid]:
    kinds = canary.words(all_canaries, seen)
    matrices = {"verdict": canary.verdicts(all_canaries, seen), "failure kind": kinds}
    return [selftest.confusion(matrix, what) for what, matrix in matrices.items()]


def _run(session: Session) -> tuple[list[Canary], Seen]:
    """The canaries, and the evidence of each."""
    space, tree = session.space, session.tree
    features, all_canaries = canary_run.load(space, tree)
    likes = [canary_run.like(space, tree, arch, features) for arch in session.archs]
    return all_canaries, canary_run.run(
        session.evidence_runner(), likes, all_canaries, lanes=session.settings.lanes
    )
