"""What a suite says of its tests."""

from __future__ import annotations

from pathlib import Path

from parity import suite

SUITE = Path(__file__).parents[1] / "suites" / "user_programs.yaml"


def test_on_a_tests_disk_are_no_programs_of_tests_but_its_own_and_those_it_needs() -> None:
    loaded = suite.load(SUITE, ("aarch64",))
    built = ["sh", "fork_test", "argv_test", "exec_argv_test", "true"]
    assert loaded.aboard(loaded.test("fork_test"), built) == ["sh", "fork_test", "true"]
    assert loaded.aboard(loaded.test("exec_argv_test"), built) == [
        "sh",
        "argv_test",
        "exec_argv_test",
        "true",
    ]
