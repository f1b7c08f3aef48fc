"""Reports a bug in Parity: one line for the user, the traceback in a file."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

from parity.core.errors import shown


def report() -> str:
    """Writes the current exception to a file; returns a line for the user that names the file.

    If the file cannot be written, the returned text contains the traceback.
    """
    place = Path("build") / "bug-reports" / time.strftime("%Y%m%dT%H%M%SZ.txt", time.gmtime())
    what, text = shown(repr(sys.exc_info()[1])), traceback.format_exc()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return f"error: a bug in Parity; please report it with this:\n{text}"
    return f"error: a bug in Parity ({what}); please report it with {place}"
