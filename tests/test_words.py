"""Words of an earlier, private style stay out of docstrings, comments, messages and pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RETIRED = re.compile(
    r"\b(whoever|nobody|somebody|everybody|anybody|whichever|goes round|at today's|under today's"
    r"|must earn|of its own accord)\b",
    re.IGNORECASE,
)
CLEAN = (
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "toolchains"),
    *("parity", "tasks", "benchmarks", "suites", "trees", "machines", "kernel", "userspace"),
)
SUFFIXES = {".py", ".md", ".yaml", ".rs", ".toml"}


def files(place: str) -> list[Path]:
    """The text files in a folder, or the file itself."""
    path = ROOT / place
    return [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES)


@pytest.mark.parametrize("place", CLEAN)
def test_no_retired_word_is_used(place: str) -> None:
    found = files(place)
    assert found, f"{place} has no text files"
    lines = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in found
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if RETIRED.search(line)
    ]
    assert lines == []
