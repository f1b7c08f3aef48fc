"""`results.json`: an object with `format` (1), `tree`, `made` (UTC), `stages` and `tests`, a list of rows.

`stages` are title and seconds of what the command that wrote it has made, in that order, its guests included.
A row has the fields of `parity.matrix.Row`; `guest_s` is the kernel's hello to its shutdown, `wall_s` the
emulator's start to its being reaped, both in seconds, null where no guest has run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from parity.matrix import Row
from parity.report.terminal import Stage

FORMAT = 1


def render(rows: Sequence[Row], tree: str, made: str, stages: Sequence[Stage] = ()) -> str:
    """The document as text."""
    document = {
        "format": FORMAT,
        "tree": tree,
        "made": made,
        "stages": [{"title": stage.title, "seconds": round(stage.seconds, 3)} for stage in stages],
        "tests": [asdict(row) for row in rows],
    }
    return json.dumps(document, indent=1) + "\n"


def parse(path: Path) -> list[Row]:
    """The rows of an earlier document; none when there is no such file or it is of another format."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            return []
        known = {each.name for each in fields(Row)}  # another commit's rows may have others
        return [
            Row(**{key: value for key, value in row.items() if key in known}) for row in document["tests"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
