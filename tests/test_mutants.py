"""Mutants of the kernel's pure crates: what cargo is told, and what its outcomes mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from parity.core.errors import InfraError, UserError
from parity.selftest import mutants
from parity.selftest.mutants import Mutant, Mutation
from tasks.check import HOST_CRATES

ROOT = Path(__file__).parents[1]
MUTATION = Mutation(("parity-abi", "parity-elf"), 60, {"abi.*replace": "equal"})


def outcome(package: str, replacement: str, summary: str) -> dict[str, Any]:
    """As cargo mutants 25 writes it."""
    mutant = {
        "package": package,
        "file": "kernel/abi/src/wait.rs",
        "function": {"function_name": "encode", "return_type": "-> i32"} if replacement != "*" else None,
        "span": {"start": {"line": 45, "column": 71}, "end": {"line": 45, "column": 72}},
        "replacement": replacement,
        "genre": "BinaryOperator",
    }
    return {"scenario": {"Mutant": mutant}, "summary": summary}


def baseline(summary: str) -> dict[str, Any]:
    return {"scenario": "Baseline", "summary": summary}


def test_the_crates_are_those_that_the_checks_test() -> None:
    mutation = mutants.load(ROOT / "suites" / "mutants.yaml")
    assert mutation.crates == HOST_CRATES
    for pattern, reason in mutation.equivalent.items():
        re.compile(pattern)
        assert reason


def test_a_part_is_tested_without_the_crates_as_they_are() -> None:
    whole, part = mutants.arguments(MUTATION, None), mutants.arguments(MUTATION, "3/16")
    assert part[part.index("--shard") + 1] == "3/16"
    assert "--baseline=skip" in part
    assert "--shard" not in whole and "--baseline=skip" not in whole
    for words in (whole, part):
        assert [words[place + 1] for place, word in enumerate(words) if word == "--package"] == [
            "parity-abi",
            "parity-elf",
        ]
        assert words[words.index("--exclude-re") + 1] == "abi.*replace"


def test_outcomes_are_counted_by_crate_and_the_missed_are_named() -> None:
    report = {
        "outcomes": [
            baseline("Success"),
            outcome("parity-abi", "*", "MissedMutant"),
            outcome("parity-abi", "+", "CaughtMutant"),
            outcome("parity-elf", "", "Timeout"),
            outcome("parity-elf", "Ok(1)", "Unviable"),
        ]
    }
    found = mutants.outcomes(report)
    assert mutants.missed(found) == ["kernel/abi/src/wait.rs:45:71: *"]
    assert mutants.counted(found) == {
        "parity-abi": {"missed": 1, "caught": 1},
        "parity-elf": {"timeout": 1, "unviable": 1},
    }
    assert found[2] == Mutant("parity-elf", "kernel/abi/src/wait.rs:45:71: nothing in encode", "timeout")


def test_nothing_is_told_of_crates_that_fail_as_they_are() -> None:
    with pytest.raises(InfraError, match="fail without any mutant"):
        mutants.outcomes({"outcomes": [baseline("Failure")]})


def test_a_mistake_in_the_list_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mutants.yaml"
    path.write_text("crates: [a]\ntimeout: 3\nequivalent: {}\n")
    with pytest.raises(UserError, match=r"unknown key 'timeout'") as caught:
        mutants.load(path)
    assert f"{path}:2" in str(caught.value)
