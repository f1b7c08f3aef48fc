"""Names that were private to this project stay retired: the library and the tasks have none of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "parity").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")])
RETIRED = {
    "flock", "beside", "sides", "survey", "standing", "census", "kept", "told", "made", "own", "Eye", "blink",
    "ailment", "toothless", "Surroundings", "Gatherer", "gatherer", "Catches", "Planting", "Asked", "Built",
    "Listed", "Held", "MoreTime", "Spot", "Place", "Standing", "birds", "nobodys", "made_of", "aboard",
    "may_have_more_time", "let_go", "let_go_on", "handed_over", "breach", "foreseen", "sum_up",
    "whereabouts", "hungry", "looped", "at_fault", "Scene", "Vitals", "Want", "through_sleep", "dead_end",
    "complaints", "surroundings", "NOT_SEEN", "hear", "last_words", "waking",
}  # fmt: skip
OF_OTHERS = {"fcntl.flock"}  # names that the standard library gives


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every identifier of a module, and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if ast.unparse(node) not in OF_OTHERS:
                yield node.attr, node.lineno
        elif isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or "", node.lineno
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.alias):
            for name in (*node.name.split("."), node.asname or ""):
                yield name, node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_retired_name_is_an_identifier(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert [f"line {line}: {name}" for name, line in identifiers(tree) if name in RETIRED] == []


def test_files_are_named_in_the_same_words() -> None:
    assert {file.stem for file in FILES} & RETIRED == set()
