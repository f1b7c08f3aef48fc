"""Which error a failed cargo gives, and what its messages may say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parity.build import cargo_build, crates
from parity.build.cargo import Message, Program, executables
from parity.core.errors import BuildError, MachineError

ROOT = Path(__file__).parent.parent
COMPILING = "   Compiling parity-kernel v0.1.0 (/src/kernel/core)"


def failed(lines: list[str]) -> BuildError | MachineError:
    tree: Any = SimpleNamespace(root=ROOT)
    return cargo_build._failed(tree, ROOT, lines)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("  Permission denied (os error 13)", "no permission"),
        ("error: No space left on device (os error 28)", "the disk is full"),
        ("  Read-only file system (os error 30)", "the file system is read-only"),
        ("  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)", "no memory"),
    ],
)
def test_what_this_machine_lacks_is_no_tree_that_does_not_compile(line: str, cause: str) -> None:
    error = failed([COMPILING, "error: failed to write /target/release/x", line])
    assert isinstance(error, MachineError)
    assert (error.exit_code, error.message) == (2, f"{cause} while compiling in build/")


def test_a_source_that_speaks_of_a_full_disk_does_not_compile() -> None:
    lines = [COMPILING, "error[E0425]: cannot find value", '7 | say("No space left on device", x)', "  |"]
    assert isinstance(failed(lines), BuildError)


@pytest.mark.parametrize(
    ("line", "complaint", "hint"),
    [
        (
            "  No space left on device (os error 28)",
            "the disk is full while crates are fetched",
            "os error 28",
        ),
        ("  Permission denied (os error 13)", "no permission while crates are fetched", "os error 13"),
        ("  Could not resolve host: index.crates.io", "crates could not be fetched", "registry reachable"),
    ],
)
def test_a_fetch_that_fails_names_the_cause(line: str, complaint: str, hint: str, tmp_path: Path) -> None:
    error = crates._failed(["error: failed to download from `https://index.crates.io/x`", line], tmp_path)
    assert isinstance(error, MachineError)
    assert complaint in error.message and hint in str(error)


@pytest.mark.parametrize("sign", cargo_build.USED_UP)
def test_a_limit_that_a_build_has_used_up_is_the_trees_fault(sign: str) -> None:
    assert isinstance(failed([COMPILING, f"error: failed to run custom build command ({sign})"]), BuildError)


def artifact(name: str, executable: str) -> Message:
    return Message("compiler-artifact", "x", Program(name), executable=executable)


@pytest.mark.parametrize(
    ("target", "path"),
    [("x86_64-unknown-none", "app"), ("configs/odd.json", "app"), ("x86_64-unknown-uefi", "app.efi")],
)
def test_programs_are_where_cargo_puts_them(target: str, path: str) -> None:
    folder = "odd/release" if target.endswith(".json") else f"{target}/release"
    assert executables([artifact("app", f"/target/{folder}/{path}")], target) == {"app": f"{folder}/{path}"}


@pytest.mark.parametrize(
    ("name", "executable"),
    [
        ("app", "/target/../../etc/shadow"),
        ("app", "/etc/shadow"),
        ("app", "/target/arm/release/../../app"),
        ("app", "/target/arm/release/other"),
        ("app", "/target/arm/release/build/app"),
        ("app", "/target/other/release/app"),
        ("../app", "/target/arm/release/../app"),
        ("", "/target/arm/release/"),
        ("a/b", "/target/arm/release/a/b"),
        ("app\n", "/target/arm/release/app\n"),
    ],
)
def test_a_program_that_is_elsewhere_is_none(name: str, executable: str) -> None:
    with pytest.raises(BuildError, match="not where Cargo puts it"):
        executables([artifact(name, executable)], "arm")
