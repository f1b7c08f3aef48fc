import errno
import os

import pytest

from parity.core.errors import (
    BuildError,
    InfraError,
    MachineError,
    ParityError,
    UserError,
    known_error,
    machine_problem,
    shown,
)


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ParityError, 2), (UserError, 3), (MachineError, 2), (BuildError, 2), (InfraError, 2)],
)
def test_every_kind_of_error_has_its_exit_status(kind: type[ParityError], status: int) -> None:
    assert kind("text").exit_code == status
    assert issubclass(kind, ParityError)


def test_a_users_mistake_names_file_and_line() -> None:
    assert str(UserError("no such key", file="trees/x.yaml", line=7)) == "trees/x.yaml:7: no such key"
    assert str(UserError("unreadable", file="trees/x.yaml")) == "trees/x.yaml: unreadable"


def test_the_hint_stands_on_a_line_of_its_own() -> None:
    assert str(MachineError("Docker is stopped", "Start it.")) == "Docker is stopped\n  Start it."


def test_a_build_error_carries_the_compilers_words() -> None:
    assert BuildError("does not build", output="error[E0425]").output == "error[E0425]"


def test_what_a_machine_refuses_is_no_bug() -> None:
    full = known_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert isinstance(full, MachineError)
    assert full.message == "the disk is full"
    assert full.hint is not None and "PARITY_CACHE" in full.hint
    closed = known_error(OSError(errno.EACCES, os.strerror(errno.EACCES), "/place"))
    assert isinstance(closed, MachineError)
    assert closed.message == "no permission: /place"
    assert closed.hint is not None and "PARITY_CACHE" in closed.hint
    told = BuildError("does not build")
    assert known_error(told) is told
    assert known_error(OSError(errno.ENOENT, "gone", "/place")) is None
    assert known_error(ValueError()) is None


def test_a_tool_says_what_the_machine_lacks() -> None:
    assert machine_problem(
        ["error: failed to open: /target/release", "Caused by:", "  Permission denied (os error 13)"]
    ) == ("no permission")
    assert (
        machine_problem(["rust-lld: error: failed to write output: No space left on device"])
        == "the disk is full"
    )
    assert machine_problem(["error: could not compile `x`", "  (signal: 9, SIGKILL: kill)"]) == "no memory"
    assert machine_problem(["write error: Read-only file system"]) == "the file system is read-only"


def test_what_a_compiler_quotes_is_not_what_it_says() -> None:
    lines = ["error[E0308]: mismatched types", " --> src/a.rs:3:5", "  |", '3 |     "Permission denied",']
    assert machine_problem(lines) is None
    assert machine_problem([*lines, "No space left on device (os error 28)"]) == "the disk is full"


def test_what_a_user_gave_is_cut_where_it_is_long() -> None:
    assert shown("x" * 80) == "x" * 80
    assert shown("9" * 5000) == "9" * 80 + "… (5000 characters)"
