"""Complaints about YAML name the file, the line and the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity import yamlfile
from parity.errors import UserError


def node(tmp_path: Path, text: str) -> yamlfile.Node:
    file = tmp_path / "some.yaml"
    file.write_text(text, encoding="utf-8")
    return yamlfile.load(file)


def test_values_come_with_their_types(tmp_path: Path) -> None:
    top = node(tmp_path, "a: text\nb: 3\nc: 1.5\nd: true\ne: [x, y]\n").mapping()
    assert top["a"].text() == "text"
    assert top["b"].integer() == 3
    assert top["c"].number() == 1.5
    assert top["d"].flag() is True
    assert top["e"].texts() == ("x", "y")
    assert top.get("f") is None
    assert [name for name, _ in top] == ["a", "b", "c", "d", "e"]


def test_an_unknown_key_names_line_and_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"some\.yaml:2: unknown key 'kernal'; did you mean 'kernel'\?"):
        node(tmp_path, "name: x\nkernal: y\n").mapping(("name", "kernel"))


def test_a_missing_key_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"some\.yaml:1: key 'kernel' is missing here"):
        node(tmp_path, "name: x\n").mapping(("name", "kernel"), required=("kernel",))


def test_a_key_given_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"some\.yaml:3: 'a' stands here twice"):
        node(tmp_path, "a: 1\nb: 2\na: 3\n").mapping()


@pytest.mark.parametrize(
    ("method", "text", "complaint"),
    [
        ("integer", "a: many\n", "a number expected, not 'many'"),
        ("integer", "a: 1.5\n", "a whole number of at least 0 expected"),
        ("integer", "a: -1\n", "a whole number of at least 0 expected"),
        ("number", "a: [1]\n", "text expected"),
        ("flag", "a: perhaps\n", "true or false expected"),
        ("items", "a: 3\n", "a list expected"),
        ("mapping", "a: 3\n", "a mapping"),
        ("text", "a:\n", "text expected"),
    ],
)
def test_a_wrong_type_names_the_line(tmp_path: Path, method: str, text: str, complaint: str) -> None:
    value = node(tmp_path, "# first line\n" + text).mapping()["a"]
    with pytest.raises(UserError, match=r"some\.yaml:2: ") as caught:
        getattr(value, method)()
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"), [("", "empty"), ("a: [1\n", r"some\.yaml:2: "), ("a: \x01", "yaml")]
)
def test_what_is_not_yaml_is_said_so(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        node(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read: No such file"):
        yamlfile.load(tmp_path / "none.yaml")


def test_nearest_lists_all_when_nothing_is_near() -> None:
    assert yamlfile.nearest("fresch", ["fresh", "lanes"]) == "did you mean 'fresh'?"
    assert yamlfile.nearest("xyz", ["fresh", "lanes"]) == "known: fresh, lanes"


def test_a_file_nested_without_end_is_a_mistake_in_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"some\.yaml: nested too deeply"):
        node(tmp_path, "[" * 5000 + "]" * 5000)


@pytest.mark.parametrize("text", ["1e999", "nan", "-inf", "9" * 5000])
def test_a_number_without_end_is_no_whole_number(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="whole number"):
        node(tmp_path, f"a: {text}\n").mapping()["a"].integer()
