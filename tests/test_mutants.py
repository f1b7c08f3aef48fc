"""Mutants of the kernel's pure crates: cargo's arguments, and what its outcomes mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from parity.core.errors import InfraError, UserError
from parity.selftest import crate_mutants
from parity.selftest.crate_mutants import Mutant, MutantsFile
from tasks.check import HOST_CRATES

ROOT = Path(__file__).parents[1]
FILE = MutantsFile(("parity-abi", "parity-elf"), 60, {"abi.*replace": "equal"})


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
    file = crate_mutants.load(ROOT / "suites" / "mutants.yaml")
    assert file.crates == HOST_CRATES
    assert set(file.unfinished) < set(file.crates)
    for pattern, reason in file.equivalent.items():
        re.compile(pattern)
        assert reason


def test_a_part_is_tested_after_the_unchanged_crates_as_the_whole_is() -> None:
    whole, part = crate_mutants.arguments(FILE, None), crate_mutants.arguments(FILE, "3/16")
    assert part[part.index("--shard") + 1] == "3/16"
    assert "--shard" not in whole
    for words in (whole, part):
        assert not any(word.startswith("--baseline") for word in words)  # failing tests detect every mutant
        assert [words[place + 1] for place, word in enumerate(words) if word == "--package"] == [
            "parity-abi",
            "parity-elf",
        ]
        assert words[words.index("--exclude-re") + 1] == "abi.*replace"


def test_a_sample_leaves_out_what_is_unfinished() -> None:
    file = msgspec.structs.replace(FILE, unfinished=("parity-elf",))
    assert "parity-elf" in crate_mutants.arguments(file, None)
    assert "parity-elf" not in crate_mutants.arguments(file, "3/16")


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
    found = crate_mutants.outcomes(report)
    assert crate_mutants.missed(found) == ["kernel/abi/src/wait.rs:45:71: *"]
    assert crate_mutants.counted(found) == {
        "parity-abi": {"missed": 1, "caught": 1},
        "parity-elf": {"timeout": 1, "unviable": 1},
    }
    assert found[2] == Mutant("parity-elf", "kernel/abi/src/wait.rs:45:71: nothing in encode", "timeout")


def test_nothing_is_told_of_crates_that_fail_as_they_are() -> None:
    with pytest.raises(InfraError, match="fail without any mutant"):
        crate_mutants.outcomes({"outcomes": [baseline("Failure")]})


def test_no_mutants_is_no_success() -> None:
    with pytest.raises(InfraError, match="no mutants"):
        crate_mutants.outcomes({"outcomes": [baseline("Success")]})


def test_a_mistake_in_the_list_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mutants.yaml"
    path.write_text("crates: [a]\ntimeout: 3\nequivalent: {}\n")
    with pytest.raises(UserError, match=r"unknown key 'timeout'") as caught:
        crate_mutants.load(path)
    assert f"{path}:2" in str(caught.value)


def test_copied_sources_can_be_changed_and_run_as_before(tmp_path: Path) -> None:
    source, script = tmp_path / "src" / "lib.rs", tmp_path / "script"
    source.parent.mkdir()
    for path, mode in ((source, 0o444), (script, 0o555)):
        path.write_text("")
        path.chmod(mode)
    crate_mutants._make_writable(tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (source, script)] == [0o644, 0o755]
