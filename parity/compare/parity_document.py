"""The comparison of all architectures as a document: `build/report/parity.json`.

    format         1
    tree, made     as in results.json
    architectures  names, in their order
    tests          name, state, verdicts, guest_s (both by architecture, null for unknown), ratio
    dimensions     name, state, of, names (by architecture: name → implementation, null for unknown),
                   percent, document (the figures by architecture, and parity)
    environment    group, name, state, values (by architecture: "" for none, null for unknown)
    decisions      id, what, why, since, archs, rules_out (the task that these archs therefore lack)

Times are seconds. The ratio is the last architecture's guest time divided by the first's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parity.compare.arch_diff import Pair
from parity.compare.coverage import Dimension
from parity.compare.machine_diff import Field
from parity.spec.decision import Decision

FORMAT = 1
DERIVED = "pass"  # follows from the tests, which are compared themselves
NAMED = 8  # rows of a group that a line names


@dataclass(frozen=True)
class ParityReport:
    """The comparison of all architectures."""

    archs: Sequence[str]
    pairs: Sequence[Pair]
    dimensions: Sequence[Dimension]
    fields: Sequence[Field]
    decisions: Sequence[Decision] = ()


def document(report: ParityReport, tree: str, written_at: str) -> dict[str, Any]:
    """The document as JSON values."""
    return {
        "format": FORMAT,
        "tree": tree,
        "made": written_at,
        "architectures": list(report.archs),
        "tests": [
            {
                "name": pair.name,
                "state": pair.state,
                "verdicts": {arch: value and value[0] for arch, value in pair.values.items()},
                "guest_s": {arch: row and row.guest_s for arch, row in pair.rows.items()},
                "ratio": pair.ratio,
            }
            for pair in report.pairs
        ],
        "dimensions": [
            {
                "name": row.figures.name,
                "counted": row.figures.counted,
                "state": row.state,
                "of": row.of,
                "names": {arch: None if names is None else dict(names) for arch, names in row.found.items()},
                "percent": row.percent,
                "document": {**row.figures.archs, "parity": row.figures.parity},
            }
            for row in report.dimensions
        ],
        "environment": [
            {
                "group": field.group,
                "name": field.name,
                "state": field.state,
                "values": {
                    arch: None if value is None else "".join(value) for arch, value in field.values.items()
                },
            }
            for field in report.fields
        ],
        "decisions": [{**asdict(each), "since": str(each.since)} for each in report.decisions],
    }


def parse(path: Path) -> dict[str, Any] | None:
    """An earlier document; None if there is none, or if it has another format."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found if found["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The differences between two documents: a line per row and architecture, or per group of equal changes.

    It does not compare times, the pass rate (which follows from the tests), and architectures that only one
    document has.
    """
    archs = [arch for arch in after["architectures"] if arch in before["architectures"]]
    old, new = dict(_rows(before)), dict(_rows(after))
    found: dict[tuple[str, str, str], list[str]] = {}
    for kind, name in dict.fromkeys((*old, *new)):
        for arch in archs:
            was, now = (rows[kind, name][arch] if (kind, name) in rows else "" for rows in (old, new))
            if was != now:
                found.setdefault((kind, arch, _change(was, now)), []).append(name)
    return [
        f"{kind}: {', '.join(names) if len(names) <= NAMED else f'{len(names)} of them'} on {arch}: {change}"
        for (kind, arch, change), names in found.items()
    ]


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    """All rows: kind and name, and the values by architecture."""
    for test in document["tests"]:
        yield ("test", test["name"]), test["verdicts"]
    for row in document["dimensions"]:
        if row["counted"] != DERIVED:
            yield ("matrix", row["name"]), row["names"]
    for field in document["environment"]:
        yield (field["group"] or "environment", field["name"]), field["values"]


def _change(was: Any, now: Any) -> str:
    if isinstance(was, dict) and isinstance(now, dict):
        signs = [("without", set(was) - set(now)), ("with", set(now) - set(was))]
        words = [f"{sign} {', '.join(sorted(names))}" for sign, names in signs if names]
        return "; ".join(words) or "the same names, other implementations"
    return f"{_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{len(value)} names" if isinstance(value, dict) else str(value) or "none"
