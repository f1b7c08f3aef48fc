"""What a checkout's stages were last made of, and which of them have to be made again whatever is kept.

    build/stages/NAME.json        sealed: {"format", "title", "inputs"} when it was last made or restored here
    build/stages/NAME.forgotten   it was forgotten since

It says nothing about results, which only the store does. Without it `doit why` has nothing to compare with,
and the same goes for what is damaged.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parity.core import host
from parity.store import files, sealed

FORMAT = 2
SHOWN = 60  # characters of a value that are worth reading


class History:
    """The stages of one checkout, by the titles that the user reads."""

    def __init__(self, build: Path) -> None:
        self.folder = build / "stages"

    def remember(self, title: str, inputs: Mapping[str, Any]) -> None:
        """The stage has given its result for these inputs; a mark that it was forgotten goes.

        Raises:
            MachineError: it cannot be written.
        """
        text = sealed.seal({"format": FORMAT, "title": title, "inputs": inputs})
        if self._read(title) == text and not self.forgotten(title):
            return
        files.discard(self._place(title, "json"))
        host.write_whole(self._place(title, "json"), text, self.folder.parent)
        self._place(title, "forgotten").unlink(missing_ok=True)

    def inputs(self, title: str) -> dict[str, Any] | None:
        """What the stage was last made of; None when that is unknown, or `another_version`."""
        try:
            note = sealed.opened(self._read(title))
        except ValueError:
            return None
        inputs = note.get("inputs")
        known = note.get("format") == FORMAT and note.get("title") == title
        return inputs if known and isinstance(inputs, dict) else None

    def another_version(self, title: str) -> bool:
        """Whether there is a note that cannot be read: damaged, or of another version of Parity."""
        return bool(self._read(title)) and self.inputs(title) is None

    def _read(self, title: str) -> bytes:
        try:
            return files.read(self._place(title, "json"))
        except OSError:
            return b""

    def forget(self, title: str) -> None:
        """Next time the stage is made, whatever is kept of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place(title, "forgotten").touch()

    def forgotten(self, title: str) -> bool:
        """Whether it has to be made."""
        return self._place(title, "forgotten").exists()

    def _place(self, title: str, kind: str) -> Path:
        # A digest keeps titles apart that differ only in what a file's name cannot hold.
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", title)[:80]
        return self.folder / f"{readable}-{hashlib.sha256(title.encode()).hexdigest()[:8]}.{kind}"


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two inputs, a line each; a value is shown where it is short enough to read."""
    # Through JSON, as `before` was: tuples become lists.
    old, new = dict(_flat(before)), dict(_flat(json.loads(json.dumps(now))))
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            lines.append(f"{name} is gone")
        elif name not in old:
            lines.append(f"{name} is new")
        elif old[name] != new[name]:
            short = len(str(old[name])) + len(str(new[name])) <= SHOWN
            lines.append(f"{name} changed" + (f": {old[name]} → {new[name]}" if short else ""))
    return lines


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}: ")
        else:
            yield f"{prefix}{name}", value
