"""What each architecture has, counted, and what a document says that kept such a matrix by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity.compare import arch_diff
from parity.compare.arch_diff import State, Value
from parity.core import yamlfile
from parity.core.yamlfile import Model

COUNTED = ("hal", "call", "driver", "program", "task", "test", "pass")
"""The kinds of a kernel's inventory; programs, tasks and passing tests by name."""

Names = Mapping[str, str]
"""What an architecture has of a kind: by name, what stands behind it there."""


class FiguresEntry(Model, frozen=True):
    """A row of the document, as the file has it."""

    counted: str  # what is counted for it: a word of COUNTED
    parity: str  # what the document says about it
    aarch64: str | None = None  # what the document says that the architecture has
    x86_64: str | None = None


class DocumentFile(Model, frozen=True):
    """The document's figures."""

    source: str  # where they come from
    figures: dict[str, FiguresEntry]  # by the document's name of a row


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
    file = yamlfile.load(path, DocumentFile)
    rows = []
    for name, entry in file.value.figures.items():
        file.word("count", entry.counted, COUNTED, "figures", name, "counted")
        said = {"aarch64": entry.aarch64, "x86_64": entry.x86_64}
        archs = {arch: figure for arch, figure in said.items() if figure is not None}
        rows.append(Figures(name, entry.counted, archs, entry.parity))
    return Document(file.value.source, tuple(rows))


def dimensions(
    document: Document, found: Mapping[str, Mapping[str, Names | None]], tests: int
) -> list[Dimension]:
    """The matrix in the document's order; `found`: by count and architecture, `tests`: how many there are."""
    return [
        Dimension(row, found[row.counted], tests if row.counted == "pass" else None) for row in document.rows
    ]
