"""How the architectures stand to each other, as one document: `build/report/parity.json`.

    format         1
    tree, made     as in results.json
    architectures  names, in their order
    tests          name, state, verdicts, guest_s (both by architecture, null for unknown), ratio
    dimensions     name, state, of, names (by architecture: name → what stands behind it, null for unknown),
                   percent, document (the figures by architecture, and parity)
    environment    group, name, state, values (by architecture: "" for none, null for unknown)

Times are seconds; the ratio is of the last architecture's guest time to the first's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.census import Dimension
from parity.environment import Field
from parity.sides import Pair

FORMAT = 1
DERIVED = "pass"  # counted from the tests, which move themselves


@dataclass(frozen=True)
class Standing:
    """Everything that is compared."""

    archs: Sequence[str]
    pairs: Sequence[Pair]
    dimensions: Sequence[Dimension]
    fields: Sequence[Field]


def document(standing: Standing, tree: str, made: str) -> dict[str, Any]:
    """The document, as JSON knows it."""
    return {
        "format": FORMAT,
        "tree": tree,
        "made": made,
        "architectures": list(standing.archs),
        "tests": [
            {
                "name": pair.name,
                "state": pair.state,
                "verdicts": {arch: value and value[0] for arch, value in pair.values.items()},
                "guest_s": {arch: row and row.guest_s for arch, row in pair.rows.items()},
                "ratio": pair.ratio,
            }
            for pair in standing.pairs
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
            for row in standing.dimensions
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
            for field in standing.fields
        ],
    }


def parse(path: Path) -> dict[str, Any] | None:
    """An earlier document; None when there is none, or one of another format."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found if found["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What is not as it was, a line per row and architecture; but times, and the pass rate, which follows."""
    return list(_moves(dict(_rows(before)), dict(_rows(after))))


def _moves(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for row in dict.fromkeys((*old, *new)):
        was, now = old.get(row, {}), new.get(row, {})
        for arch in dict.fromkeys((*was, *now)):
            if was.get(arch) != now.get(arch):
                yield f"{row} on {arch}: {_change(was.get(arch), now.get(arch))}"


def _rows(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for test in document["tests"]:
        yield f"test {test['name']}", test["verdicts"]
    for row in document["dimensions"]:
        if row["counted"] != DERIVED:
            yield row["name"], row["names"]
    for field in document["environment"]:
        yield " ".join(("environment", field["group"], field["name"])).replace("  ", " "), field["values"]


def _change(was: Any, now: Any) -> str:
    if isinstance(was, dict) and isinstance(now, dict):
        signs = [("without", set(was) - set(now)), ("with", set(now) - set(was))]
        words = [f"{sign} {', '.join(sorted(names))}" for sign, names in signs if names]
        return "; ".join(words) or "the same names, other things behind them"
    return f"{_shown(was)} → {_shown(now)}"


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    return f"{len(value)} names" if isinstance(value, dict) else str(value) or "none"
