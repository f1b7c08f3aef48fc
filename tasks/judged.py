"""The judge is judged by canaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parity import canary, flock
from parity.canary import Canary, Seen
from parity.errors import UserError
from parity.report import judged, marked
from parity.report.grid import Grid
from tasks import suite
from tasks.session import Session, current, task

README = "canaries:readme"


def task_canaries() -> Iterator[Any]:
    """Run guests built to deceive; each must earn exactly its verdict"""
    doc, guests = str(task_canaries.__doc__), current().archs
    yield task("canaries", doc, canaries, after=["images"], guests=guests)
    yield task(README, "Write the confusion matrix into README.md", readme, after=["images"], guests=guests)


def canaries() -> bool:
    """Runs all canaries on every architecture; whether each earned its verdict."""
    session = current()
    birds, seen = _run(session)
    print_ = session.screen.console.print
    print_(judged.canaries(birds, seen, session.archs))
    for matrix in _matrices(birds, seen):
        print_(matrix.terminal())
    for line in judged.unearned(birds, seen):
        session.screen.note(line, "red")
    wrong = len(canary.unearned(birds, seen))
    session.screen.note(f"{len(seen) - wrong} of {len(seen)} canaries earned their verdict")
    return not wrong


def readme() -> bool:
    """Runs them, and puts the confusion matrix between README's two marks; whether all is as it must be.

    Raises:
        UserError: the marks are not there, or only one architecture is wanted.
    """
    session = current()
    if session.archs != session.tree.archs:
        raise UserError("README has all architectures: leave arch= out")
    birds, seen = _run(session)
    matrices = [matrix.markdown() for matrix in _matrices(birds, seen)]
    marked.write(session.space.root / "README.md", README, matrices)
    return not canary.unearned(birds, seen)


def _matrices(birds: Sequence[Canary], seen: Seen) -> list[Grid]:
    matrices = {"verdict": canary.verdicts(birds, seen), "word": canary.words(birds, seen)}
    return [judged.confusion(matrix, what) for what, matrix in matrices.items()]


def _run(session: Session) -> tuple[list[Canary], Seen]:
    """The canaries, and what came of them."""
    space, tree = session.space, session.tree
    features, birds = flock.load(space, tree)
    likes = [flock.like(space, tree, arch, features) for arch in session.archs]
    return birds, flock.run(suite.gatherer(session), likes, birds, lanes=session.settings.lanes)
