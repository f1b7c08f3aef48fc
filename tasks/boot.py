"""Boots: one guest, or many guests, each of which must reach user space."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from parity.build.outputs import BuildOutputs
from parity.core.errors import UserError, shown
from parity.core.progress import LaneUse
from parity.core.row import Row
from parity.judge.state import RunKind
from parity.judge.verdict import Verdict
from parity.run import stress, suite_run
from parity.run.suite_run import Boot
from parity.spec.decision import ruling_out
from parity.store.store import Digest
from tasks import report, suite
from tasks.batch import Batch
from tasks.session import Session, current, task

STRICT = 20


def task_boot() -> Iterator[Any]:
    """Boot to the first user program: boot_<architecture>"""
    session = current()
    for arch in session.archs:
        after = suite.needs(session, arch, f"disk:{arch}")
        yield task(
            f"boot_{arch}", f"Boot {arch} to the first user program", boot, arch, after=after, guests=[arch]
        )


def task_boot_strict() -> Iterator[Any]:
    """Boot N times, each must reach user space: boot_strict_<architecture>:N"""
    session = current()
    for arch in session.archs:
        name, after = f"boot_strict_{arch}", suite.needs(session, arch, f"disk:{arch}")
        yield task(
            name,
            f"Boot {arch} {STRICT} times (or :N), no retry",
            strict,
            arch,
            STRICT,
            after=after,
            guests=[arch],
        )
        for count in counts(session, name):
            yield task(
                f"{name}:{count}", f"Boot {arch} {count} times, no retry", strict, arch, count, after=after
            )


def task_boot_features() -> Iterator[Any]:
    """Boot a kernel of every feature set to the end that the tree says: boot_features_<architecture>"""
    session = current()
    yield FEATURES.task()
    for arch in session.archs:
        doc = f"Boot a kernel of every feature set on {arch}, each to its expected end"
        yield task(f"boot_features_{arch}", doc, features, arch, setup=[FEATURES.name], guests=[arch])


def task_boot_parallel() -> Iterator[Any]:
    """Boot N guests side by side, a row each, and their rate: boot_parallel:N"""
    session, name = current(), "boot_parallel"
    ruled_out = {arch: ruling_out(session.decisions, name, arch) for arch in session.tree.archs}
    archs = [arch for arch in session.archs if not ruled_out[arch]]
    for arch, decision in ruled_out.items():
        if decision and (session.names(f"{name}_{arch}") or (session.names(name) and not archs)):
            raise UserError(str(decision))
    if archs:
        after = [need for arch in archs for need in suite.needs(session, arch, f"disk:{arch}")]
        where = ", ".join(archs)
        doc = f"Boot {STRICT} (or :N) guests of {where} side by side, a row each, and their rate"
        yield task(name, doc, parallel, archs, STRICT, after=after, guests=archs)
        for count in counts(session, name):
            yield task(f"{name}:{count}", f"{count} guests of {where}", parallel, archs, count, after=after)


def counts(session: Session, name: str) -> Iterator[int]:
    """The Ns of `name:N` on the command line.

    Raises:
        UserError: an N that is not a whole number of at least 1.
    """
    for word in dict.fromkeys(session.selected):
        base, colon, text = word.partition(":")
        if base == name and colon:
            if not re.fullmatch("[1-9][0-9]{0,8}", text):
                raise UserError(f"{shown(word)}: a whole number of at least 1 expected after {name}:")
            yield int(text)


def boot(arch: str) -> bool:
    """Boots once, also if a result is stored; whether PID 1 ended with 0."""
    rows, _ = _boots([arch], 1, lanes=1)
    report.show_some(rows)
    return report.as_expected(current(), rows)


def strict(arch: str, count: int) -> bool:
    """Boots `count` times over the lanes, without a retry; whether every guest reached user space."""
    session = current()
    rows, _ = _boots([arch], count, lanes=session.settings.lanes)
    if failed := [row for row in rows if row.surprise]:
        report.show_some(failed)
    _note_rate(session, arch, rows)
    return report.as_expected(session, rows)


def parallel(archs: Sequence[str], count: int) -> bool:
    """Boots each architecture `count` times over the lanes; whether every guest reached user space."""
    session = current()
    rows, use = _boots(archs, count, lanes=session.settings.lanes)
    report.show_some(rows)
    for arch in archs:
        _note_rate(session, arch, [row for row in rows if row.arch == arch])
    if use.span_s:
        session.screen.note(f"{use.guests / use.span_s:.2f} boots a second over {use.lanes} lanes")
    return report.as_expected(session, rows)


def _boots(archs: Sequence[str], count: int, *, lanes: int) -> tuple[list[Row], LaneUse]:
    session = current()
    space, tree = session.space, session.tree
    guests = [suite_run.boot(space, tree, suite_run.built(space, tree, arch)) for arch in archs]
    return suite_run.boots(session.evidence_runner(), guests * count, lanes=lanes)


def _note_rate(session: Session, arch: str, rows: Sequence[Row]) -> None:
    judged = [row for row in rows if row.verdict != Verdict.INFRA]
    reached = sum(not row.surprise for row in judged)
    lost = f", {len(rows) - len(judged)} could not be judged" if len(judged) < len(rows) else ""
    rate = f" {stress.rate(reached, len(judged))}" if judged else ""
    session.screen.note(f"{arch}: {reached} of {len(judged)} boots reached user space{rate}{lost}")


def features(arch: str) -> bool:
    """Shows the boot of a kernel of every feature set; whether each ended as the tree says.

    Feature sets that compile to the same ELF and run the same way share one guest.

    Raises:
        BuildError: a kernel does not build.
        InfraError: the judge could not judge one of the guests.
    """
    session = current()
    rows, wrong = FEATURES.rows(session, arch), []
    for name, row in rows.items():
        wanted = session.tree.feature_sets[name]
        expected, says = wanted.expected[arch], wanted.cause_contains.get(arch, "")
        session.screen.note(f"{name}: kernel {str(row.kernel)[:12]}: {row.verdict}: {row.cause}")
        if row.verdict != expected or says not in row.cause:
            wrong.append(f"{name} must end in {expected} {says!r}".rstrip(" '"))
    report.judged(list(rows.values()))
    for complaint in wrong:
        session.screen.note(complaint, "red")
    return not wrong


def _kernels(session: Session, arch: str) -> dict[str, Boot]:
    """By feature set, the guest that boots its kernel; raises BuildError."""
    space, tree = session.space, session.tree
    built = {
        name: replace(suite_run.built(space, tree, arch, name), kind=features.kind)
        for name, features in tree.feature_sets.items()
    }
    guests = {_boot_key(outputs): suite_run.boot(space, tree, outputs) for outputs in built.values()}
    return {name: guests[_boot_key(outputs)] for name, outputs in built.items()}


def _boot_features(session: Session, kernels: Mapping[str, Mapping[str, Boot]]) -> dict[str, dict[str, Row]]:
    """Boots the kernels of all architectures in one pool of lanes; rows by architecture and feature set."""
    guests = {boot.spec: boot for boots in kernels.values() for boot in boots.values()}
    rows, _ = suite_run.boots(session.evidence_runner(), list(guests.values()), lanes=session.settings.lanes)
    seen = {(row.arch, row.features): row for row in rows}
    return {
        arch: {name: seen[arch, boot.features] for name, boot in boots.items()}
        for arch, boots in kernels.items()
    }


def _boot_key(results: BuildOutputs) -> tuple[str, Digest, RunKind]:
    return results.arch, results.kernel, results.kind


FEATURES: Batch[dict[str, Boot]] = Batch(
    "boot_features",
    lambda session, arch: session.names(f"boot_features_{arch}"),
    _kernels,
    _boot_features,
)
