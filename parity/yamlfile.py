"""YAML files, read so that every complaint can name its file and line.

The one place that reads YAML. `load` gives a `Node`: a value with its place, asked for what it must be
(`text`, `integer`, `mapping` …). A wrong type, a missing or an unknown key is a `UserError` with
`file:line` and, for a key, the nearest valid one.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from parity.errors import UserError

LISTED = 12


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a complaint: the nearest of `known`, or all of them when none is near."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "known: " + (", ".join(names[:LISTED]) or "none") + more


@dataclass(frozen=True)
class Node:
    """One YAML value and where it stands."""

    path: Path
    yaml: yaml.Node

    @property
    def line(self) -> int:
        """Line of the value, counted from 1."""
        return int(self.yaml.start_mark.line) + 1

    def error(self, message: str) -> UserError:
        """A complaint about this value, to be raised by the caller."""
        return UserError(message, file=str(self.path), line=self.line)

    def text(self) -> str:
        """The value as text; numbers and booleans are taken as written."""
        if not isinstance(self.yaml, yaml.ScalarNode) or self.yaml.tag == "tag:yaml.org,2002:null":
            raise self.error("text expected here")
        return str(self.yaml.value)

    def one_of(self, what: str, known: Iterable[str]) -> str:
        """The value as one of the words of `known`; `what` names them in the complaint."""
        words = [str(word) for word in known]
        if self.text() not in words:
            raise self.error(f"no {what} {self.text()!r}; {nearest(self.text(), words)}")
        return self.text()

    def integer(self, *, least: int = 0) -> int:
        """The value as an integer of at least `least`."""
        number = self.number()
        if not math.isfinite(number) or number != int(number) or number < least:
            raise self.error(f"a whole number of at least {least} expected, not {self.text()!r}")
        return int(number)

    def number(self) -> float:
        """The value as a number."""
        try:
            return float(self.text())
        except ValueError:
            raise self.error(f"a number expected, not {self.text()!r}") from None

    def seconds(self) -> float:
        """The value as a time of more than no seconds."""
        number = self.number()
        if not 0 < number < math.inf:
            raise self.error(f"a number of seconds expected, not {self.text()!r}")
        return number

    def each(self, names: Iterable[str]) -> dict[str, Node]:
        """The value for each of `names`: one for all, or a mapping that has one for every name."""
        known = tuple(names)
        if not self.is_mapping():
            return dict.fromkeys(known, self)
        return dict(self.mapping(known, required=known))

    def flag(self) -> bool:
        """The value as true or false."""
        if self.text() not in ("true", "false"):
            raise self.error(f"true or false expected, not {self.text()!r}")
        return self.text() == "true"

    def items(self) -> list[Node]:
        """The value as a list."""
        if not isinstance(self.yaml, yaml.SequenceNode):
            raise self.error("a list expected here")
        return [Node(self.path, item) for item in self.yaml.value]

    def texts(self) -> tuple[str, ...]:
        """The value as a list of text."""
        return tuple(item.text() for item in self.items())

    def is_mapping(self) -> bool:
        """Whether the value is a mapping."""
        return isinstance(self.yaml, yaml.MappingNode)

    def mapping(self, known: Iterable[str] | None = None, required: Iterable[str] = ()) -> Mapping:
        """The value as a mapping; keys outside `known` (when given) or missing `required` ones are errors."""
        if not isinstance(self.yaml, yaml.MappingNode):
            raise self.error("a mapping (key: value) expected here")
        entries: dict[str, Node] = {}
        for key, value in self.yaml.value:
            name = Node(self.path, key)
            if name.text() in entries:
                raise name.error(f"{name.text()!r} stands here twice")
            if known is not None and name.text() not in set(known):
                raise name.error(f"unknown key {name.text()!r}; {nearest(name.text(), known)}")
            entries[name.text()] = Node(self.path, value)
        for key in required:
            if key not in entries:
                raise self.error(f"key {key!r} is missing here")
        return Mapping(self, entries)


@dataclass(frozen=True)
class Mapping:
    """A YAML mapping in the order of the file."""

    node: Node
    entries: dict[str, Node]

    def __getitem__(self, key: str) -> Node:
        return self.entries[key]

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.entries.items())

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None."""
        return self.entries.get(key)


def load(path: Path) -> Node:
    """The root of a YAML file.

    Raises:
        UserError: the file is missing, unreadable, empty or not YAML.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UserError(f"cannot be read: {reason}", file=str(path)) from None
    except RecursionError:
        raise UserError("nested too deeply", file=str(path)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise UserError(str(problem), file=str(path), line=mark.line + 1 if mark else None) from None
    if root is None:
        raise UserError("the file is empty", file=str(path))
    return Node(path, root)
