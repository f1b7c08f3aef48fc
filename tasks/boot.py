"""Boots: one, to see it; many, each of which must reach user space."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from parity import harness
from parity.errors import UserError
from parity.matrix import Row
from tasks import report, suite
from tasks.session import Session, current, task

STRICT = 20


def task_boot() -> Iterator[Any]:
    """Boot to the first user program: boot_<architecture>"""
    session = current()
    for arch in session.archs:
        after = suite.needs(session, arch, f"disk:{arch}")
        yield task(f"boot_{arch}", f"Boot {arch} to the first user program", boot, arch, after=after)


def task_boot_strict() -> Iterator[Any]:
    """Boot N times, each must reach user space: boot_strict_<architecture>:N"""
    session = current()
    for arch in session.archs:
        name, after = f"boot_strict_{arch}", suite.needs(session, arch, f"disk:{arch}")
        yield task(name, f"Boot {arch} {STRICT} times (or :N), no retry", strict, arch, STRICT, after=after)
        for count in counts(session, name):
            yield task(
                f"{name}:{count}", f"Boot {arch} {count} times, no retry", strict, arch, count, after=after
            )


def task_boot_features() -> Iterator[Any]:
    """Boot a kernel of every feature set to the end that the tree says: boot_features_<architecture>"""
    for arch in current().archs:
        doc = f"Boot a kernel of every feature set on {arch}, each to its expected end"
        yield task(f"boot_features_{arch}", doc, features, arch, after=["images"])


def counts(session: Session, name: str) -> Iterator[int]:
    """The Ns of `name:N` on the command line.

    Raises:
        UserError: an N that is not a whole number of at least 1.
    """
    for word in dict.fromkeys(session.selected):
        base, colon, text = word.partition(":")
        if base == name and colon:
            if not re.fullmatch("[1-9][0-9]*", text):
                raise UserError(f"{word}: a whole number of at least 1 expected after {name}:")
            yield int(text)


def boot(arch: str) -> bool:
    """Boots once, whatever is known; whether PID 1 ended with 0."""
    session = current()
    made = harness.built(session.space, session.tree, arch)
    (row,) = harness.boot(suite.gatherer(session), session.tree, made, 1, lanes=1)
    report.show_some([row])
    return report.as_expected(session, [row])


def strict(arch: str, count: int) -> bool:
    """Boots `count` times over the lanes; whether every one reached user space. Nothing is tried again."""
    session = current()
    made = harness.built(session.space, session.tree, arch)
    rows = harness.boot(suite.gatherer(session), session.tree, made, count, lanes=session.settings.lanes)
    failed = [row for row in rows if row.surprise]
    if failed:
        report.show_some(failed)
    session.screen.note(f"{arch}: {count - len(failed)} of {count} boots reached user space")
    return report.as_expected(session, rows)


def features(arch: str) -> bool:
    """Boots a kernel of every feature set; whether each came to the end that the tree says.

    Sets that compile to the same ELF are one kernel and boot once.
    """
    session = current()
    tree, gatherer = session.tree, suite.gatherer(session)
    kernels = {name: harness.built(session.space, tree, arch, name) for name in tree.feature_sets}
    seen: dict[str, Row] = {}
    for made in {made.kernel: made for made in kernels.values()}.values():
        (seen[made.kernel],) = harness.boot(gatherer, tree, made, 1, lanes=1)
    wrong = []
    for name, made in kernels.items():
        wanted, row = tree.feature_sets[name], seen[made.kernel]
        expected, says = wanted.expected[arch], wanted.says.get(arch, "")
        session.screen.note(f"{name}: kernel {made.kernel[:12]}: {row.verdict}: {row.cause}")
        if row.surprise or says not in row.cause:
            wrong.append(f"{name} must end in {expected} {says!r}".rstrip(" '"))
    for complaint in wrong:
        session.screen.note(complaint, "red")
    return not wrong
