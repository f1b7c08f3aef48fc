"""Mutants of the kernel's pure crates: all of them, or the sample that `doit check` takes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from parity.report import selftest
from parity.selftest import crate_mutants
from parity.selftest.crate_mutants import Mutant
from tasks.session import Session, current, task

FILE = "suites/mutants.yaml"
IMAGE = f"images:{crate_mutants.ROLE}"
PARTS = 32  # a sample is one of so many parts
OUTPUTS = ("mutants", "mutants-sample")


def task_mutants() -> Any:
    """Change the kernel's pure crates in one place at a time; their tests must detect every change"""
    after = ["images:toolchain", IMAGE]
    return task("mutants", str(task_mutants.__doc__), whole, after=after, outputs=OUTPUTS)


def whole() -> bool:
    """Tests all mutants; whether all were detected."""
    return _tested(current(), None, "mutants")


def sample() -> bool:
    """Tests one part of the mutants, chosen at random; whether all of it was detected."""
    session = current()
    seed = (
        random.SystemRandom().randrange(1 << 32) if session.settings.seed is None else session.settings.seed
    )
    part = seed % PARTS
    session.screen.note(f"part {part} of {PARTS} (the same again: doit seed={part} check:mutants)")
    return _tested(session, f"{part}/{PARTS}", "mutants-sample")


def _tested(session: Session, shard: str | None, folder: str) -> bool:
    file = crate_mutants.load(session.space.root / FILE)
    out = session.space.build / folder

    def on_line(_stream: str, line: str) -> None:
        session.screen.say(line.strip())

    with session.screen.stage("mutants"):
        found = crate_mutants.run(session.space, session.tree, file, out, shard=shard, on_line=on_line)
    session.screen.console.print(selftest.mutants(crate_mutants.counted(found)))
    return _reported(session, found)


def _reported(session: Session, found: Sequence[Mutant]) -> bool:
    """Prints the missed mutants; whether there are none. A mutant whose tests do not end was detected."""
    missed = crate_mutants.missed(found)
    for name in missed:
        session.screen.note(f"no test detects: {name}", "red")
    viable = [mutant for mutant in found if mutant.outcome != "unviable"]
    session.screen.note(f"{len(viable) - len(missed)} of {len(viable)} mutants detected")
    return not missed
