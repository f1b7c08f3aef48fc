"""Complaints about YAML name the file, the line and the nearest valid key."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from parity.core import yamlfile
from parity.core.errors import UserError
from parity.core.yamlfile import Document, Model, Name, Seconds


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Item(Model, frozen=True):
    size: Annotated[int, Meta(ge=0, le=9)] = 0
    wait_s: Seconds = 1.0
    on: bool = False
    colour: Colour | dict[str, Colour] = Colour.RED
    since: date | None = None
    side: Literal["left", "right"] = "left"
    words: tuple[str, ...] = ()
    title: str = ""


class File(Model, frozen=True):
    name: Name
    items: dict[Name, Item] = msgspec.field(default_factory=dict)


def load(tmp_path: Path, text: str) -> Document[File]:
    file = tmp_path / "some.yaml"
    file.write_text(text, encoding="utf-8")
    return yamlfile.load(file, File)


def test_values_come_with_their_types(tmp_path: Path) -> None:
    file = load(
        tmp_path,
        "name: x\nitems:\n"
        "  a: {size: 3, wait_s: 1.5, on: true, since: 2027-01-31, words: [x, 1], title: 1e3}\n"
        "  b: {colour: {a: green}}\n",
    )
    item = file.value.items["a"]
    assert (item.size, item.wait_s, item.on, item.since) == (3, 1.5, True, date(2027, 1, 31))
    assert (item.words, item.title) == (("x", "1"), "1e3")  # text is taken as it is written
    assert file.value.items["b"].colour == {"a": Colour.GREEN}


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("name: x\nitens: {}\n", 2, "unknown key 'itens'; did you mean 'items'?"),
        ("items: {}\n", 1, "key 'name' is missing"),
        ("name: x\nitems: {}\nname: y\n", 3, "'name' occurs twice"),
        (
            "name: x\nitems:\n  a:\n    size: many\n",
            4,
            "a whole number of at least 0 and of at most 9 expected",
        ),
        ("name: x\nitems:\n  a: {size: 1.5}\n", 3, "a whole number"),
        ("name: x\nitems:\n  a: {size: -1}\n", 3, "not '-1'"),
        ("name: x\nitems:\n  a: {size: " + "9" * 5000 + "}\n", 3, "not '9999"),
        ("name: x\nitems:\n  a: {wait_s: nan}\n", 3, "a number above 0"),
        ("name: x\nitems:\n  a: {wait_s: 1e400}\n", 3, "a number above 0"),
        ("name: x\nitems:\n  a: {wait_s: [1]}\n", 3, "text expected here"),
        ("name: x\nitems:\n  a: {on: perhaps}\n", 3, "true or false expected, not 'perhaps'"),
        ("name: x\nitems:\n  a: {colour: grene}\n", 3, "no colour 'grene'; did you mean 'green'?"),
        ("name: x\nitems:\n  a:\n    colour:\n      b: blue\n", 5, "no colour 'blue'"),
        ("name: x\nitems:\n  a: {since: soon}\n", 3, "a date such as 2027-01-31 expected, not 'soon'"),
        ("name: x\nitems:\n  a: {side: up}\n", 3, "unknown value 'up'"),
        ("name: x\nitems:\n  a: {words: x}\n", 3, "a list expected here"),
        ("name: x\nitems:\n  a: {words:\n    [a,\n    null]}\n", 5, "text expected here"),
        ("name: x\nitems: [a]\n", 2, "a mapping (key: value) expected here"),
        ("name: x\nitems:\n  ../up: {}\n", 3, "a name of letters, digits and _.+- expected"),
        ("name:\n", 1, "text expected here"),
        ("name: [x\n", 2, "expected"),
        ("name: x\n? [a]\n: b\n", 2, "text expected here"),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, text: str, line: int, complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/some.yaml:{line}: ")
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_is_no_yaml_or_too_much_is_told(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    for text in ("", "[" * 100_000, "name: " + "x" * 2**20, bomb, "name: \0", "{a: " * 200 + "}" * 200):
        with pytest.raises(UserError, match=r"some\.yaml"):
            load(tmp_path, text)
    (tmp_path / "bytes.yaml").write_bytes(b"name: \xff")
    for name in ("bytes.yaml", "missing.yaml", "."):
        with pytest.raises(UserError, match="cannot be read"):
            yamlfile.load(tmp_path / name, File)


def test_a_complaint_of_ours_finds_the_line(tmp_path: Path) -> None:
    file = load(tmp_path, "name: x\nitems:\n  a:\n    words:\n    - one\n    - one\n")
    where = ("items", "a", "words")
    assert str(file.error("no", *where, 1)).endswith("some.yaml:6: no")
    assert str(file.error("no", "items", "b")).endswith("some.yaml:3: no")  # the mapping that lacks it
    with pytest.raises(UserError, match=r"some\.yaml:6: 'one' occurs twice"):
        file.once(file.value.items["a"].words, *where)
    with pytest.raises(UserError, match=r"some\.yaml:1: no tree 'x'; did you mean 'xx'\?"):
        file.word("tree", "x", ["xx"], "name")


def test_one_value_stands_for_all_names(tmp_path: Path) -> None:
    file = load(tmp_path, "name: x\nitems:\n  a:\n    colour: {b: green}\n")
    where = ("items", "a", "colour")
    green: Colour | dict[str, Colour] = {"b": Colour.GREEN}
    assert yamlfile.each(file, Colour.RED, ("b", "c"), *where) == {"b": Colour.RED, "c": Colour.RED}
    with pytest.raises(UserError, match=r"some\.yaml:4: key 'c' is missing"):
        yamlfile.each(file, green, ("b", "c"), *where)
    with pytest.raises(UserError, match="unknown key 'b'"):
        yamlfile.each(file, green, ("c",), *where)


def test_many_words_are_not_all_listed() -> None:
    assert yamlfile.nearest("zzz", [f"name{number:02}" for number in range(20)]).endswith("and 8 more")
    assert yamlfile.nearest("zzz", []) == "known: none"
