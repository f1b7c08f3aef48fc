"""Reads YAML files into typed models (msgspec). Every error names file and line.

No other code reads YAML. The fields of a `Model` are the keys of a mapping. A wrong type, or a missing or
unknown key, is a `UserError` with `file:line`; for a misspelt key or name, it suggests the nearest valid one.
Text is taken literally: `title: 1e3` is the text "1e3".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml
from msgspec import Meta

from parity.core.errors import UserError

MAX_SUGGESTIONS = 12  # valid names in an error message
MAX_VALUE_CHARACTERS = 40  # characters of a value that an error message repeats
KINDS = {int: "a whole number", float: "a number", bool: "true or false", date: "a date such as 2027-01-31"}
LARGEST_BYTES, MOST_VALUES, DEEPEST = 2**20, 100_000, 50
TOO_MUCH = f"more than {MOST_VALUES} values, or nested deeper than {DEEPEST}"
SURROGATE = re.compile("[\ud800-\udfff]")

T = TypeVar("T")
Plain = str | None | list["Plain"] | dict[str, "Plain"]

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Text = Annotated[
    str,
    Meta(pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$", description="text without control characters"),
]
"""Text that may be printed, or become an argument or a path."""
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$(?!\n)", description="a name of letters, digits and _.+-"
    ),
]
"""A name that may become part of a path."""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base class of the models: the keys and types of a mapping."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message: the name in `known` that is nearest to `word`, else the known names."""
    names = sorted(known)
    close = difflib.get_close_matches(word[:MAX_VALUE_CHARACTERS], names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - MAX_SUGGESTIONS} more" if len(names) > MAX_SUGGESTIONS else ""
    return "known: " + (", ".join(names[:MAX_SUGGESTIONS]) or "none") + more


@dataclass(frozen=True)
class Document(Generic[T]):
    """A file's content, with the line of each value."""

    path: Path
    value: T
    root: yaml.Node

    def error(self, message: str, *where: str | int) -> UserError:
        """An error about the value at `where` (keys and indices from the top), for the caller to raise.

        If a key is missing, the error refers to the mapping that lacks it.
        """
        return _error(self.path, _follow(self.root, where), message)

    def word(self, what: str, word: str, known: Iterable[str], *where: str | int) -> str:
        """Returns `word` if it is in `known`; `what` names its kind in the error. Raises UserError."""
        words = list(known)
        if word not in words:
            raise self.error(f"no {what} {_quoted(word)}; {nearest(word, words)}", *where)
        return word

    def once(self, words: Iterable[str], *where: str | int) -> tuple[str, ...]:
        """Returns the words. Raises UserError if a word occurs twice."""
        seen: set[str] = set()
        for number, word in enumerate(words):
            if word in seen:
                raise self.error(f"{_quoted(word)} occurs twice", *where, number)
            seen.add(word)
        return tuple(words)


def each(
    file: Document[Any], value: T | Mapping[str, T], names: Iterable[str], *where: str | int
) -> dict[str, T]:
    """The value for each of `names`, from one value for all or a mapping with a value for each name.

    Raises:
        UserError: the mapping has an unknown name, or lacks a name.
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(names, value)
    known = tuple(names)
    for name in value:
        if name not in known:
            raise file.error(f"unknown key {_quoted(name)}; {nearest(name, known)}", *where, name)
    for name in known:
        if name not in value:
            raise file.error(f"key {name!r} is missing", *where)
    return dict(value)


def load(path: Path, kind: type[T]) -> Document[T]:
    """Reads a file.

    Raises:
        UserError: the file is missing, unreadable, too large, empty, not YAML, or does not match the model.
    """
    root = _compose(path)
    plain = _Reader(path).plain(root)
    try:
        return Document(path, msgspec.convert(plain, kind, strict=False), root)
    except msgspec.ValidationError:
        node, message = _locate(root, plain, kind)
        raise _error(path, node, message) from None


class _Loader(yaml.SafeLoader):
    """Builds nodes, and stops where they are nested too deeply or are too many."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """See yaml. Raises MarkedYAMLError for too much."""
        self._depth, self._nodes = self._depth + 1, self._nodes + 1
        if self._depth > DEEPEST + 2 or self._nodes > MOST_VALUES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=TOO_MUCH, problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _compose(path: Path) -> yaml.Node:
    text = read_text(path)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise UserError(str(error.problem or "not YAML"), file=str(path), line=line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UserError(str(error.reason), file=str(path), line=line) from None
    except ValueError:  # of a number that yaml reads itself, as in %YAML 1.999…
        raise UserError("not YAML", file=str(path), line=1) from None
    if root is None:
        raise UserError("the file is empty", file=str(path), line=1)
    return root


def read_text(path: Path) -> str:
    """A small file's text; raises UserError when there is none."""
    try:
        if path.exists() and not path.is_file():  # a FIFO would be waited for
            raise UserError("cannot be read: it is no file", file=str(path))
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", file=str(path)) from None
    if len(data) > LARGEST_BYTES:
        raise UserError(
            f"larger than {LARGEST_BYTES // 1024} KiB", file=str(path), line=data.count(b"\n") + 1
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError("cannot be read: not UTF-8", file=str(path), line=line) from None


def _error(path: Path, node: yaml.Node, message: str) -> UserError:
    return UserError(message, file=str(path), line=int(node.start_mark.line) + 1)


class _Reader:
    """Converts nodes to text, lists and mappings. Values that an alias repeats count each time."""

    def __init__(self, path: Path) -> None:
        self._path, self._count = path, 0

    def plain(self, node: yaml.Node, depth: int = 0) -> Plain:
        """The value of a node. Raises UserError for duplicate keys, and for too many or too deep values."""
        self._count += 1
        if depth > DEEPEST or self._count > MOST_VALUES:
            raise _error(self._path, node, TOO_MUCH)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(item, depth + 1) for item in node.value]
        if not isinstance(node, yaml.MappingNode):
            if SURROGATE.search(node.value):  # which no file can be written with
                raise _error(self._path, node, "half of a character stands here")
            return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)
        found: dict[str, Plain] = {}
        for key, value in node.value:
            name = self.plain(key, depth + 1)
            if not isinstance(name, str):
                raise _error(self._path, key, "text expected here")
            if name in found:
                raise _error(self._path, key, f"{_quoted(name)} occurs twice")
            found[name] = self.plain(value, depth + 1)
        return found


def _follow(node: yaml.Node, where: Iterable[str | int]) -> yaml.Node:
    for step in where:
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == step), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = node.value[step]
        if found is None:
            break
        node = found
    return node


def _fits(plain: Plain, kind: Any) -> bool:
    try:
        msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError:
        return False
    return True


def _locate(node: yaml.Node, plain: Plain, kind: Any) -> tuple[yaml.Node, str]:
    """The innermost value that does not match its model, and what is expected there."""
    bare, metas = _bare(kind, plain)
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
        return _locate_key(node, plain, bare)
    origin, arguments = get_origin(bare), get_args(bare)
    if origin is dict:
        if not isinstance(plain, dict):
            return node, "a mapping (key: value) expected here"
        for key, value in node.value:
            if not _fits(key.value, arguments[0]):
                return _locate(key, key.value, arguments[0])
            if not _fits(plain[key.value], arguments[1]):
                return _locate(value, plain[key.value], arguments[1])
    if origin in (list, tuple):
        if not isinstance(plain, list):
            return node, "a list expected here"
        for item, value in zip(node.value, plain, strict=True):
            if not _fits(value, arguments[0]):
                return _locate(item, value, arguments[0])
    if origin in (dict, list, tuple):
        return node, "at least one entry expected here"
    return node, _expected(plain, bare, metas)


def _bare(kind: Any, plain: Plain) -> tuple[Any, list[Meta]]:
    """The type without annotations, and its annotations; of a union, the member for the value's shape."""
    metas: list[Meta] = []
    while True:
        if get_origin(kind) is Annotated:
            kind, *more = get_args(kind)
            metas += more
        elif get_origin(kind) in (Union, UnionType):
            members = [each for each in get_args(kind) if each is not NoneType]
            shaped = [each for each in members if _is_mapping(each) is isinstance(plain, dict)]
            kind = (shaped or members)[0]
        else:
            return kind, metas


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, msgspec.Struct))


@cache
def _hints(model: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


def _locate_key(node: yaml.Node, plain: Plain, model: type[msgspec.Struct]) -> tuple[yaml.Node, str]:
    if not isinstance(plain, dict):
        return node, "a mapping (key: value) expected here"
    hints = _hints(model)
    for key, _ in node.value:
        if key.value not in hints:
            return key, f"unknown key {_quoted(key.value)}; {nearest(key.value, hints)}"
    for field in msgspec.structs.fields(model):
        if field.required and field.name not in plain:
            return node, f"key {field.name!r} is missing"
    for key, value in node.value:
        if not _fits(plain[key.value], hints[key.value]):
            return _locate(value, plain[key.value], hints[key.value])
    return node, "does not match its model"


def _expected(plain: Plain, kind: Any, metas: Sequence[Meta]) -> str:
    """The error message for a value of the wrong type."""
    if not isinstance(plain, str):
        return "text expected here"
    if isinstance(kind, type) and issubclass(kind, Enum):
        known = [str(each.value) for each in kind]
        return f"no {_words(kind.__name__)} {_quoted(plain)}; {nearest(plain, known)}"
    if get_origin(kind) is Literal:
        return f"unknown value {_quoted(plain)}; {nearest(plain, get_args(kind))}"
    described = next((meta.description for meta in metas if meta.description), None)
    return f"{described or KINDS.get(kind, 'text') + _bounds(metas)} expected, not {_quoted(plain)}"


def _quoted(text: str) -> str:
    return repr(text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}…")


def _bounds(metas: Iterable[Meta]) -> str:
    said = []
    for meta in metas:
        for name, words in (("ge", "of at least"), ("gt", "above"), ("le", "of at most")):
            if (bound := getattr(meta, name)) is not None:
                said.append(f"{words} {bound:.10g}")
    return f" {' and '.join(said)}" if said else ""


def _words(name: str) -> str:
    """A class name as separate words."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
