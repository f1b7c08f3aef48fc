"""What a suite says of its tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_machine import virt

from parity.build.outputs import BuildOutputs
from parity.core.errors import BuildError, UserError
from parity.judge.state import RunKind
from parity.run import suite_run
from parity.spec import suite, tree

SUITE = Path(__file__).parents[1] / "suites" / "user_programs.yaml"

TREE = Path(__file__).parents[1] / "trees" / "reference.yaml"
MADE = BuildOutputs("aarch64", "testing", "k" * 64, {"fork_test": "p" * 64}, virt())


def test_on_a_tests_disk_are_no_programs_of_tests_but_its_own_and_those_it_needs() -> None:
    loaded = suite.load(SUITE, ("aarch64",))
    built = ["sh", "fork_test", "argv_test", "exec_argv_test", "true"]
    assert loaded.programs_on_disk(loaded.test("fork_test"), built) == ["sh", "fork_test", "true"]
    assert loaded.programs_on_disk(loaded.test("exec_argv_test"), built) == [
        "sh",
        "argv_test",
        "exec_argv_test",
        "true",
    ]


def loaded(tmp_path: Path, *tests: str) -> suite.Suite:
    """A suite of these tests."""
    file = tmp_path / "suite.yaml"
    file.write_text("suite: s\ntests:\n" + "".join(f"  {test}\n" for test in tests), encoding="utf-8")
    return suite.load(file, ("aarch64",))


def test_what_a_test_ends_as_is_in_its_guest(tmp_path: Path) -> None:
    test = loaded(tmp_path, "fork_test: {area: exec, expected: pass, ends_as: true}").test("fork_test")
    own = suite_run.spec(tree.load(TREE), test, MADE, "d" * 64)
    assert (own.program, own.ends_as, own.kind) == ("/bin/fork_test", "/bin/true", RunKind.PROGRAM)
    usual = suite_run.spec(tree.load(TREE), replace(test, ends_as=None), MADE, "d" * 64)
    assert usual.ends_as is None
    assert usual.digest() != own.digest()


def test_what_a_test_ends_as_must_be_built(tmp_path: Path) -> None:
    made = loaded(tmp_path, "fork_test: {area: exec, expected: pass, ends_as: sh}")
    with pytest.raises(BuildError, match="the suite lists sh, but"):
        suite_run.complete(made, MADE)


@pytest.mark.parametrize(
    ("test", "complaint"),
    [
        ("expected: pass, ends_as: /bin/true", "a name of letters, digits and _.+- expected"),
        ("expected: pass, ends_as: 'x -- y'", "a name of letters"),
        ("expected: pass, ends_as: a", "a ends as itself by default"),
        ("expected: pass, ends_as: b", "b is not on the disk of a: it is a test that `needs` must name"),
        ("expected: infra, reason: r", "no verdict that can be expected 'infra'"),
        ("expected: {aarch64: not_run}, reason: r", "no verdict that can be expected 'not_run'"),
    ],
)
def test_a_wrong_end_names_file_and_line(tmp_path: Path, test: str, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, f"a: {{area: x, {test}}}", "b: {area: x, expected: pass}")
    assert complaint in str(caught.value)
    assert "suite.yaml:3:" in str(caught.value)


def test_a_test_may_end_as_another_that_it_needs(tmp_path: Path) -> None:
    made = loaded(
        tmp_path, "a: {area: x, expected: pass, needs: [b], ends_as: b}", "b: {area: x, expected: pass}"
    )
    assert made.test("a").ends_as == "b"
