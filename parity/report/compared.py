"""The comparison of two commits, for a terminal, as Markdown and as `build/report/compare.json`.

format   1
there    name and commit of the other revision
archs    the architectures that have results at both commits; others are not compared
moves    test, arch, kind, there, here, others (by architecture: whether it changed too)
tests    all of them: test, arch, there, here (null for unknown)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from parity.compare import commit_diff
from parity.compare.commit_diff import Kind, Move
from parity.compare.revision import Revision
from parity.core.row import Row
from parity.report.grid import Grid

FORMAT = 1
LOOKS = {Kind.REGRESSION: "bold red", Kind.GONE: "bold red", Kind.FIX: "green"}


def grid(there: Revision, moves: Sequence[Move]) -> Grid:
    """A row per test and architecture whose verdict changed."""
    rows = []
    for move in moves:
        others = ", ".join(f"{arch} {what}" for arch, what in move.others.items())
        cells = [move.test, move.arch, move.kind, move.there or "", move.here or "", others]
        rows.append((LOOKS.get(move.kind, ""), cells))
    return Grid(["test", "architecture", "", f"at {there}", "here", "other architectures"], rows)


def summary(there: Revision, before: Sequence[Row], here: Sequence[Row]) -> list[str]:
    """Sentences: the compared architectures, the number of changes, and architectures without results."""
    archs = ", ".join(commit_diff.compared(before, here)) or "no architecture"
    counts = Counter(str(move.kind) for move in commit_diff.moves(before, here))
    sentence = f"Against {there} on {archs}: {commit_diff.same(before, here)} the same"
    sentences = ["".join([sentence, *(f", {count} {kind}" for kind, count in counts.items()), "."])]
    for what, rows, others in (("there", before, here), ("here", here, before)):
        other_archs = dict.fromkeys(row.arch for row in others)
        known = {arch for arch, _ in commit_diff.verdicts(rows)}
        lacking = [arch for arch in other_archs if arch not in known]
        sentences += [f"There is no result for {arch} {what}: it is not compared." for arch in lacking]
    return sentences


def markdown(there: Revision, before: Sequence[Row], here: Sequence[Row]) -> str:
    """The complete report."""
    parts = [f"# Against {there}", *summary(there, before, here)]
    if moves := commit_diff.moves(before, here):
        parts.append(grid(there, moves).markdown())
    return "\n\n".join(parts) + "\n"


def document(there: Revision, before: Sequence[Row], here: Sequence[Row]) -> str:
    """The content of `compare.json`."""
    old, new = commit_diff.verdicts(before), commit_diff.verdicts(here)
    content = {
        "format": FORMAT,
        "there": asdict(there),
        "archs": commit_diff.compared(before, here),
        "moves": [{**asdict(move), "others": dict(move.others)} for move in commit_diff.moves(before, here)],
        "tests": [
            {"test": name, "arch": arch, "there": old.get((arch, name)), "here": new.get((arch, name))}
            for arch, name in dict.fromkeys((*new, *old))
        ],
    }
    return json.dumps(content, indent=1) + "\n"
