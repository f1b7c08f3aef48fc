"""`results.json`: an object with `format` (1), `tree`, `made` (UTC), `stages` and `tests`, a list of rows.

`stages` lists title and seconds of each stage that the command ran, in order, including the guests. A row has
the fields of `parity.core.row.Row`. `guest_s` is the time from the kernel's hello to its shutdown, `wall_s`
from the emulator's start to its end, both in seconds; they are null if no guest ran.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from parity.core import record
from parity.core.progress import Stage
from parity.core.row import Row
from parity.store import files

FORMAT = 1


def render(rows: Sequence[Row], tree: str, written_at: str, stages: Sequence[Stage] = ()) -> str:
    """The document as text."""
    document = {
        "format": FORMAT,
        "tree": tree,
        "made": written_at,
        "stages": [{"title": stage.title, "seconds": round(stage.seconds, 3)} for stage in stages],
        "tests": [record.as_values(row) for row in rows],
    }
    return json.dumps(document, indent=1) + "\n"


def parse(path: Path) -> list[Row]:
    """The rows of an earlier document; none if it is missing, damaged or of another format."""
    try:
        document = msgspec.json.decode(files.read(path))
        if document["format"] != FORMAT:
            return []
        return [record.parse_known(Row, row) for row in document["tests"]]  # of any version
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
