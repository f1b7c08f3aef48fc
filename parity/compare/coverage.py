"""What each architecture has, counted, beside the figures of a document that kept such a matrix by hand.

Keys of `suites/document.yaml`: `source` (where the figures come from) and `figures`, a mapping from the
document's name of a row to

    counted   what is counted for it: a word of `COUNTED`
    parity    what the document says of it
    …         an architecture: what the document says it has
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity.compare import arch_diff
from parity.compare.arch_diff import State, Value
from parity.core import yamlfile
from parity.judge.channel import ARCHITECTURES

COUNTED = ("hal", "call", "driver", "program", "task", "test", "pass")
"""The kinds of a kernel's inventory; programs, tasks and passing tests by name."""

Names = Mapping[str, str]
"""What an architecture has of a kind: by name, what stands behind it there."""


@dataclass(frozen=True)
class Figures:
    """A row of the document."""

    name: str
    counted: str
    archs: Mapping[str, str]
    parity: str


@dataclass(frozen=True)
class Document:
    """Where the figures come from, and they."""

    source: str
    rows: tuple[Figures, ...]


@dataclass(frozen=True)
class Dimension:
    """A row of the matrix. `found`: by architecture, None where nobody knows; `of`: all there could be."""

    figures: Figures
    found: Mapping[str, Names | None]
    of: int | None = None

    @property
    def values(self) -> dict[str, Value | None]:
        """The names."""
        return {arch: None if names is None else tuple(sorted(names)) for arch, names in self.found.items()}

    @property
    def state(self) -> State:
        """Whether all have the same names."""
        return arch_diff.state(self.values)

    @property
    def percent(self) -> float | None:
        """Of the names that any architecture has: the share that all have; None for unknown, or no names."""
        known = [set(names) for names in self.found.values() if names is not None]
        if self.state is State.UNKNOWN or not (union := set.union(*known)):
            return None
        return 100 * len(set.intersection(*known)) / len(union)

    @property
    def lacking(self) -> dict[str, list[str]]:
        """By architecture: what it has not and another has. Nothing where one is unknown."""
        if self.state is not State.DIFFERS:
            return {}
        known = {arch: set(names or ()) for arch, names in self.found.items()}
        union = set.union(*known.values())
        return {arch: sorted(union - names) for arch, names in known.items() if union - names}


def load(path: Path) -> Document:
    """Reads the document's figures.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    top = yamlfile.load(path).mapping(known := ("source", "figures"), required=known)
    rows, archs = [], ARCHITECTURES.values()
    for name, node in top["figures"].mapping():
        row = node.mapping(("counted", "parity", *archs), required=("counted", "parity"))
        said = {arch: row[arch].text() for arch in archs if arch in row}
        rows.append(Figures(name, row["counted"].one_of("count", COUNTED), said, row["parity"].text()))
    return Document(top["source"].text(), tuple(rows))


def dimensions(
    document: Document, found: Mapping[str, Mapping[str, Names | None]], tests: int
) -> list[Dimension]:
    """The matrix in the document's order; `found`: by count and architecture, `tests`: how many there are."""
    return [
        Dimension(row, found[row.counted], tests if row.counted == "pass" else None) for row in document.rows
    ]
