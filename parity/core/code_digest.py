"""Digests of Parity's own modules, for the keys of results: a changed rule makes its old results invalid.

A module computes its digest at import, because later edits of a file do not change the running code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
# An import at the beginning of a line: a module, or names from one (which may be modules).
IMPORT = re.compile(r"^import (parity[\w.]+)|^from (parity[\w.]*) import (?:\(([^)]*)\)|(.+))", re.MULTILINE)


def of(modules: Collection[str], root: Path = ROOT) -> str:
    """SHA-256 (hexadecimal) over the sources of modules, given by their import names. Raises OSError."""
    texts = {name: _place(name, root).read_text(encoding="utf-8") for name in modules}
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


def needed(modules: Collection[str], without: Collection[str] = (), root: Path = ROOT) -> list[str]:
    """These modules and all modules of Parity that they import, directly or not, except `without`."""
    found, todo = set[str](), list(modules)
    while todo:
        name = todo.pop()
        if name not in found and name not in without:
            found.add(name)
            todo += _imported(_place(name, root).read_text(encoding="utf-8"), root)
    return sorted(found)


def _imported(text: str, root: Path) -> Iterator[str]:
    for match in IMPORT.finditer(text):
        module, package, some, more = match.groups()
        names = [f"{package}.{name}" for name in re.findall(r"(\w+)(?: as \w+)?", some or more or "")]
        yield from (name for name in (module, package, *names) if name and _place(name, root).is_file())


def _place(name: str, root: Path) -> Path:
    return root.joinpath(*name.split(".")).with_suffix(".py")
