"""What a checkout's stages were last made of, and which of them have to be made again whatever is kept.

    build/stages/NAME.json        {"format", "title", "inputs"} when it was last made or restored here
    build/stages/NAME.forgotten   it was forgotten since

It says nothing about results, which only the store does; who deletes it loses `doit why`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parity import host

FORMAT = 1  # a note that says nothing of it is of the first
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
        text = json.dumps({"format": FORMAT, "title": title, "inputs": inputs}, sort_keys=True)
        if self._read(title) == text and not self.forgotten(title):
            return
        host.write_whole(self._place(title, "json"), text.encode(), self.folder.parent)
        self._place(title, "forgotten").unlink(missing_ok=True)

    def inputs(self, title: str) -> dict[str, Any] | None:
        """What the stage was last made of; None when nobody knows, or `another_version`."""
        note = self._note(title)
        inputs = note.get("inputs")
        return inputs if isinstance(inputs, dict) and not self.another_version(title) else None

    def another_version(self, title: str) -> bool:
        """Whether it was a version of Parity that notes it in a way of its own."""
        return bool(self._note(title).get("format", FORMAT) != FORMAT)

    def _note(self, title: str) -> dict[str, Any]:
        try:
            note = json.loads(self._read(title))
        except ValueError:
            return {}
        return note if isinstance(note, dict) else {}

    def _read(self, title: str) -> str:
        try:
            return self._place(title, "json").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

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
