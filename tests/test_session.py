"""What a command is about: its architectures and tasks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from parity.core.errors import UserError
from tasks import session
from tasks.session import Session

ROOT = Path(__file__).parent.parent


def begun(*words: str, **variables: str) -> Session:
    """A session of the reference tree, as if it were there for two architectures."""
    begun = session.begin(ROOT, {}, words)
    run = replace(begun.tree.run, machines={"aarch64": "qemu-virt", "x86_64": "qemu-microvm"})
    settings = replace(begun.settings, **variables)  # type: ignore[arg-type]
    return replace(begun, tree=replace(begun.tree, run=run), settings=settings)


def test_which_architectures_a_command_is_about() -> None:
    assert begun().archs == ("aarch64", "x86_64")
    assert begun(arch="x86_64").archs == ("x86_64",)
    with pytest.raises(UserError, match=r"arch=arm: aarch64.* or all expected"):
        session.begin(ROOT, {"arch": "arm"}, [])


def test_which_tasks_a_command_names() -> None:
    named = begun("test_x86_64:fork_test", "boot_features_*")
    assert [
        task for task in ("test_aarch64", "test_x86_64", "boot_features_x86_64") if named.names(task)
    ] == [
        "test_x86_64",
        "boot_features_x86_64",
    ]
