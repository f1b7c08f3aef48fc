"""The counted matrix: shares of names, never of numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.compare import coverage
from parity.compare.arch_diff import State
from parity.compare.coverage import Dimension, Figures
from parity.core.errors import UserError

ROOT = Path(__file__).parent.parent
CALLS = Figures("Syscalls", "call", {"aarch64": "~68", "x86_64": "~70"}, "~97 %")


def has(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


def test_equal_names_are_equal_whatever_stands_behind_them() -> None:
    row = Dimension(CALLS, {"aarch64": {"console": "PL011"}, "x86_64": {"console": "16550"}})
    assert (row.state, row.percent, row.lacking) == (State.EQUAL, 100.0, {})


def test_equal_numbers_of_different_things_are_not_equal() -> None:
    row = Dimension(CALLS, {"aarch64": has("a", "b", "c"), "x86_64": has("b", "c", "d")})
    assert (row.state, row.percent) == (State.DIFFERS, 50.0)
    assert row.lacking == {"aarch64": ["d"], "x86_64": ["a"]}


def test_one_name_less_moves_one_side() -> None:
    row = Dimension(CALLS, {"aarch64": has("a", "b", "c", "d"), "x86_64": has("a", "b", "c")})
    assert (row.state, row.percent, row.lacking) == (State.DIFFERS, 75.0, {"x86_64": ["d"]})


def test_what_nobody_counted_has_no_share() -> None:
    row = Dimension(CALLS, {"aarch64": has("a"), "x86_64": None})
    assert (row.state, row.percent, row.lacking) == (State.UNKNOWN, None, {})
    nothing = Dimension(CALLS, {"aarch64": {}, "x86_64": {}})
    assert (nothing.state, nothing.percent) == (State.EQUAL, None)


def test_the_documents_figures_are_read_and_every_row_is_counted() -> None:
    document = coverage.load(ROOT / "suites" / "document.yaml")
    assert [row.counted for row in document.rows] == list(coverage.COUNTED)
    assert CALLS in document.rows
    rows = coverage.dimensions(document, {kind: {"aarch64": {}} for kind in coverage.COUNTED}, 80)
    assert [row.of for row in rows] == [None] * 6 + [80]


def test_a_count_that_there_is_not_is_named(tmp_path: Path) -> None:
    file = tmp_path / "document.yaml"
    file.write_text("source: s\nfigures:\n  Syscalls: {counted: calls, parity: 97 %}\n")
    with pytest.raises(UserError, match=r"document.yaml:3: no count 'calls'; did you mean 'call'\?"):
        coverage.load(file)
