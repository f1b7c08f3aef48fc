"""`results.json`: an object with `format` (1), `tree`, `made` (UTC) and `tests`, a list of rows.

A row has the fields of `parity.matrix.Row`; `guest_s` is the kernel's hello to its shutdown, `wall_s` the
emulator's start to its being reaped, both in seconds, null where no guest has run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from parity.matrix import Row

FORMAT = 1


def render(rows: Sequence[Row], tree: str, made: str) -> str:
    """The document as text."""
    document = {"format": FORMAT, "tree": tree, "made": made, "tests": [asdict(row) for row in rows]}
    return json.dumps(document, indent=1) + "\n"


def parse(path: Path) -> list[Row]:
    """The rows of an earlier document; none when there is no such file or it is of another format."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            return []
        return [Row(**row) for row in document["tests"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
