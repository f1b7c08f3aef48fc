"""The kernel's pure crates under mutants: all of them, or a sample that `doit check` takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from parity.report import selftest
from parity.selftest import mutants
from parity.selftest.mutants import Mutant
from tasks.session import Session, current, task

SUITE = "suites/mutants.yaml"
IMAGE = f"images:{mutants.ROLE}"
PARTS = 32  # a sample is one of so many
OUTPUTS = ("mutants", "mutants-sample")


def task_mutants() -> Any:
    """Change the kernel's pure crates in one place at a time; their tests must notice every change"""
    after = ["images:toolchain", IMAGE]
    return task("mutants", str(task_mutants.__doc__), every, after=after, outputs=OUTPUTS)


def every() -> bool:
    """Tests every mutant; whether all were noticed."""
    return _judged(current(), None, "mutants")


def sample() -> bool:
    """Tests one part of the mutants, another one each time; whether all of it was noticed."""
    session = current()
    seed = (
        random.SystemRandom().randrange(1 << 32) if session.settings.seed is None else session.settings.seed
    )
    part = seed % PARTS
    session.screen.note(f"part {part} of {PARTS} (the same again: doit seed={part} check:mutants)")
    return _judged(session, f"{part}/{PARTS}", "mutants-sample")


def _judged(session: Session, shard: str | None, folder: str) -> bool:
    mutation = mutants.load(session.space.root / SUITE)
    place = session.space.build / folder

    def on_line(_stream: str, line: str) -> None:
        session.screen.say(line.strip())

    with session.screen.stage("mutants"):
        found = mutants.run(session.space, session.tree, mutation, place, shard=shard, on_line=on_line)
    session.screen.console.print(selftest.mutants(mutants.counted(found)))
    return _told(session, found)


def _told(session: Session, found: Sequence[Mutant]) -> bool:
    """Says which were missed; whether there is none. One whose tests never end was noticed."""
    missed = mutants.missed(found)
    for name in missed:
        session.screen.note(f"no test notices: {name}", "red")
    viable = [mutant for mutant in found if mutant.outcome != "unviable"]
    session.screen.note(f"{len(viable) - len(missed)} of {len(viable)} mutants noticed")
    return not missed
