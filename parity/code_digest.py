"""What Parity's own modules are, for the keys of what they decide: with a rule, its results change.

Read when the module that asks is imported, as what runs is what was imported: a file edited later is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
# An import at the beginning of a line: a module; or names out of one, which may be modules.
IMPORT = re.compile(r"^import (parity[\w.]+)|^from (parity[\w.]*) import (?:\(([^)]*)\)|(.+))", re.MULTILINE)


def of(modules: Collection[str], root: Path = ROOT) -> str:
    """SHA-256 (hexadecimal) over the sources of modules, named as they are imported; raises OSError."""
    texts = {name: _place(name, root).read_text(encoding="utf-8") for name in modules}
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()


def needed(modules: Collection[str], without: Collection[str] = (), root: Path = ROOT) -> list[str]:
    """These modules and all of Parity's that they import, themselves or by others, but for `without`."""
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
