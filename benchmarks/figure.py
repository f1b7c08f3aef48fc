"""A figure: one number per round, its target, and the measurements behind it.

Kept as `results/NAME.json`, an object of a Record's fields; each figure carries its samples and, for readers,
their median, least and greatest.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Aim:
    """The target of a figure's median: at most, or at least, `bound`."""

    bound: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value meets the target."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


@dataclass(frozen=True)
class Figure:
    """One number, measured once per round. `arms` are the measurements of each round that it comes from.

    `unit` is that of `values` ("×" for a ratio); arms are seconds, unless their name says otherwise.
    """

    name: str
    unit: str
    values: Sequence[float]
    aim: Aim | None = None
    arms: Mapping[str, Sequence[float]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def median(self) -> float:
        """The number to quote."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Record:
    """All figures of one benchmark, of one run of it on one machine."""

    bench: str
    what: str
    when: str  # UTC, ISO 8601
    host: str  # its class
    revision: str  # of the checkout; with a + when it held changes
    load: float  # tasks that ran or wanted to when it began, the mean of a minute
    seconds: float
    figures: Sequence[Figure]


def ratio(
    name: str, over: Sequence[float], under: Sequence[float], aim: Aim | None, arms: tuple[str, str]
) -> Figure:
    """`over` ÷ `under`, round by round; `arms` names the two."""
    values = [one / other for one, other in zip(over, under, strict=True)]
    return Figure(name, "×", values, aim, {arms[0]: over, arms[1]: under})


def save(folder: Path, record: Record) -> Path:
    """Writes a record; where."""
    document = {"format": FORMAT, **asdict(record)}
    for figure, entry in zip(record.figures, document["figures"], strict=True):
        entry |= {"median": figure.median, "min": min(figure.values), "max": max(figure.values)}
        entry["aim"] = str(figure.aim) if figure.aim else None
    place = folder / f"{record.bench}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(_rounded(document), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return place


def load(place: Path) -> Record:
    """The inverse of `save`. Raises ValueError, KeyError or TypeError for anything else."""
    document = json.loads(place.read_text(encoding="utf-8"))
    if document.pop("format") != FORMAT:
        raise ValueError(f"{place} is of another format")
    figures = [_figure(entry) for entry in document.pop("figures")]
    return Record(**document, figures=figures)


def _figure(entry: dict[str, Any]) -> Figure:
    for derived in ("median", "min", "max"):
        del entry[derived]
    text = entry.pop("aim")
    aim = Aim(float(text[2:]), at_least=text[0] == "≥") if text else None
    return Figure(**entry, aim=aim)


def _rounded(value: Any) -> Any:
    """Numbers to a tenth of a millisecond: beyond that there is only noise."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
