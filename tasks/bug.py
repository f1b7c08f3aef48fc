"""What nobody foresaw: one line for the user, the traceback in a file."""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path


def report() -> str:
    """Writes the exception being handled to a file; returns the line that names it."""
    place = Path("build") / "bug-reports" / time.strftime("%Y%m%dT%H%M%SZ.txt", time.gmtime())
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(traceback.format_exc(), encoding="utf-8")
    return f"error: a bug in Parity ({sys.exc_info()[1]!r}); please report it with {place}"
