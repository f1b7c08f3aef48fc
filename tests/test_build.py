"""Whose fault a failed cargo is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parity.build import cargo_build
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
def test_a_fetch_that_fails_blames_who_failed(
    line: str, complaint: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cargo(_space: Any, _tree: Any, _command: Sequence[str], *, on_line: Any, **_: Any) -> int:
        on_line("stderr", "error: failed to download from `https://index.crates.io/x`")
        on_line("stderr", line)
        return 101

    monkeypatch.setattr(cargo_build, "cargo", cargo)
    space: Any = SimpleNamespace(
        cache=tmp_path,
        build=tmp_path,
        screen=SimpleNamespace(say=lambda _: None),
        image=lambda _: SimpleNamespace(packages_digest="0" * 64),
    )
    with pytest.raises(MachineError, match=complaint) as caught:
        cargo_build.fetch(space, SimpleNamespace(root=ROOT))  # type: ignore[arg-type]
    assert hint in str(caught.value)
