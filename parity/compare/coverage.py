"""Counts what each architecture has (calls, drivers, tests, …), next to the figures of a manual document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity.compare import arch_diff
from parity.compare.arch_diff import State, Value
from parity.core import yamlfile
from parity.core.yamlfile import Model

COUNTED = ("hal", "call", "driver", "program", "task", "test", "pass")
"""The counted kinds: those of a kernel's inventory, and programs, tasks and passing tests."""

Names = Mapping[str, str]
"""The names that an architecture has of a kind → their implementation there."""


class FiguresEntry(Model, frozen=True):
    """A row of the document, in the file."""

    counted: str  # the kind that is counted for it, of COUNTED
    parity: str  # the document's figure for parity
    aarch64: str | None = None  # the document's figure for the architecture
    x86_64: str | None = None


class DocumentFile(Model, frozen=True):
    """The document's figures."""

    source: str  # the origin of the figures
    figures: dict[str, FiguresEntry]  # by name of the row


@dataclass(frozen=True)
class Figures:
    """A row of the document."""

    name: str
    counted: str
    archs: Mapping[str, str]
    parity: str


@dataclass(frozen=True)
class Document:
    """The document: its origin and its rows."""

    source: str
    rows: tuple[Figures, ...]


@dataclass(frozen=True)
class Dimension:
    """A row of the matrix. `found`: names by architecture, None for unknown; `of`: the possible maximum."""

    figures: Figures
    found: Mapping[str, Names | None]
    of: int | None = None

    @property
    def values(self) -> dict[str, Value | None]:
        """The names by architecture, for a comparison."""
        return {arch: None if names is None else tuple(sorted(names)) for arch, names in self.found.items()}

    @property
    def state(self) -> State:
        """Whether all architectures have the same names."""
        return arch_diff.state(self.values)

    @property
    def percent(self) -> float | None:
        """Percentage of all names that every architecture has; None if unknown or without names."""
        known = [set(names) for names in self.found.values() if names is not None]
        if self.state is State.UNKNOWN or not (union := set.union(*known)):
            return None
        return 100 * len(set.intersection(*known)) / len(union)

    @property
    def lacking(self) -> dict[str, list[str]]:
        """By architecture: the names that only others have. Empty if an architecture is unknown."""
        if self.state is not State.DIFFERS:
            return {}
        known = {arch: set(names or ()) for arch, names in self.found.items()}
        union = set.union(*known.values())
        return {arch: sorted(union - names) for arch, names in known.items() if union - names}


def load(path: Path) -> Document:
    """Reads the document's figures.

    Raises:
        UserError: with file and line, if the file does not match the model.
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
    """The matrix in the document's order; `found`: names by kind and architecture; `tests`: their number."""
    return [
        Dimension(row, found[row.counted], tests if row.counted == "pass" else None) for row in document.rows
    ]
