"""The last inputs of each stage in a checkout, and the stages that `doit forget` makes run again.

    build/stages/NAME.json        sealed: {"format", "title", "inputs"} when it was last made or restored here
    build/stages/NAME.forgotten   `doit forget` was run on the stage since then

`doit why` compares with these inputs. Results are only in the store. If a file is missing or damaged, `doit
why` has nothing to compare with; nothing else changes.
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
SHOWN = 60  # the most characters of an old and a new value that are shown


class History:
    """The stages of one checkout, by their titles in messages."""

    def __init__(self, build: Path) -> None:
        self.folder = build / "stages"

    def remember(self, title: str, inputs: Mapping[str, Any]) -> None:
        """Records the inputs of a stage that now has a result, and ends the effect of `forget`.

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
        """The last inputs of the stage; None if they are unknown or cannot be read."""
        try:
            note = sealed.opened(self._read(title))
        except ValueError:
            return None
        inputs = note.get("inputs")
        known = note.get("format") == FORMAT and note.get("title") == title
        return inputs if known and isinstance(inputs, dict) else None

    def another_version(self, title: str) -> bool:
        """Whether the recorded inputs cannot be read: damaged, or written by another version of Parity."""
        return bool(self._read(title)) and self.inputs(title) is None

    def _read(self, title: str) -> bytes:
        try:
            return files.read(self._place(title, "json"))
        except OSError:
            return b""

    def forget(self, title: str) -> None:
        """Makes the stage run next time, even if its result is stored."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place(title, "forgotten").touch()

    def forgotten(self, title: str) -> bool:
        """Whether `forget` was called since the stage last ran."""
        return self._place(title, "forgotten").exists()

    def _place(self, title: str, kind: str) -> Path:
        # A digest distinguishes titles that differ only in characters that are replaced here.
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", title)[:80]
        return self.folder / f"{readable}-{hashlib.sha256(title.encode()).hexdigest()[:8]}.{kind}"


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The differences between two inputs, one per line, with the values if these are short."""
    # `before` was stored as JSON. The same conversion of `now` turns tuples into lists.
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
