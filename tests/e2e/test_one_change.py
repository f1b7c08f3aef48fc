"""One thing changes and one thing is redone: real builds in a copy of this checkout, read from what is said.

On the session's store, which has others' crates compiled. A random
text in what is changed makes it new to the store.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from checkout import Checkout

from parity.core import host

pytestmark = pytest.mark.docker
GUEST = re.compile(r"^\d+/\d+ \w+ (\w+) aarch64", re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.copy(tmp_path / "checkout", host.cache_dir())


def edit(file: Path, change: Callable[[str], str]) -> None:
    before = file.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    file.write_text(after, encoding="utf-8")


def with_a_comment(source: str) -> str:
    return f"{source}// {uuid.uuid4()}\n"


def with_a_string(source: str) -> str:
    return f'{source}#[used]\nstatic MARK: &str = "{uuid.uuid4()}";\n'


def test_one_changed_program_makes_one_disk_and_runs_one_guest(checkout: Checkout) -> None:
    checkout.says("test_aarch64")
    program = checkout.folder / "userspace" / "tests" / "fs" / "dup_test.rs"

    edit(program, with_a_comment)
    said = checkout.says("test_aarch64")
    assert "userspace aarch64: done in" in said
    assert "disk" not in said.partition("test ")[0] and GUEST.findall(said) == []

    edit(program, with_a_string)
    said = checkout.says("why:test_aarch64:dup_test")
    assert "userspace aarch64: sources: userspace/tests/fs/dup_test.rs changed" in said
    assert "no cached result for userspace aarch64" in said
    checkout.says("userspace:aarch64")
    said = checkout.says("why:test_aarch64:dup_test")
    assert "disk dup_test aarch64: programs: dup_test changed" in said
    assert "no cached result for disk dup_test aarch64" in said
    assert "disk fork_test aarch64: nothing changed" in checkout.says("why:test_aarch64:fork_test")

    said = checkout.says("test_aarch64")
    assert "kernel aarch64-testing: kept" in said and "userspace aarch64: kept" in said
    assert "disks aarch64 (disk dup_test aarch64): done in" in said
    assert GUEST.findall(said) == ["dup_test"]
    assert checkout.row("dup_test")["disk"] != checkout.row("fork_test")["disk"]


def test_a_kernel_is_restored_and_one_that_is_the_same_runs_no_guest(checkout: Checkout) -> None:
    checkout.says("test_aarch64:dup_test")
    kernel = checkout.row("dup_test")["kernel"]
    edit(checkout.folder / "kernel" / "core" / "src" / "main.rs", with_a_comment)
    said = checkout.says("test_aarch64:dup_test")
    assert "kernel aarch64-testing: done in" in said  # A
    assert GUEST.findall(said) == [] and checkout.row("dup_test")["kernel"] == kernel
    assert "kernel aarch64-plain: done in" in checkout.says("build_kernel:aarch64-plain")  # B
    said = checkout.says("build_kernel:aarch64-testing")  # A
    assert "kernel aarch64-testing: kept" in said and "done in" not in said


def test_a_program_that_a_test_needs_and_does_not_declare_is_not_there(checkout: Checkout) -> None:
    suite = checkout.folder / "suites" / "user_programs.yaml"
    edit(suite, lambda text: text.replace("needs: [argv_test]", "needs: []"))
    status, said = checkout.doit("test_aarch64:exec_argv_test")
    assert status == 1, said
    assert "fail exec_argv_test aarch64" in said
    edit(suite, lambda text: text.replace("needs: []", "needs: [argv_test]"))
    checkout.says("test_aarch64:exec_argv_test")
