"""GitHub annotations for a run.

The syntax is that of GitHub's workflow commands: `::error title=…::message`, with %, CR and LF escaped, and
in properties also colon and comma. GitHub shows at most ten annotations of a kind per step, and drops the
rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from parity.core.row import Row
from parity.spec.baseline import Changes

MOST = 10


def annotate(rows: Sequence[Row], changes: Changes) -> list[str]:
    """At most ten annotations: regressions against the baseline first, newer before older ones; quarantined
    tests last, as warnings."""
    regressions = {(row.arch, row.name) for row in changes.regressions}
    bad = [row for row in rows if row.surprise or (row.arch, row.name) in regressions]
    newest = sorted(bad, key=lambda row: row.when or "", reverse=True)
    first = sorted(newest, key=lambda row: (row.excused, (row.arch, row.name) not in regressions))
    return [_annotation(row) for row in first[:MOST]]


def _annotation(row: Row) -> str:
    title = _escape(f"{row.name} on {row.arch}: {row.verdict}", ":,")
    text = "; ".join(
        filter(None, (row.cause, row.sentence, f"expected {row.expected}", f"log: {row.log}", row.quarantine))
    )
    return f"::{'warning' if row.excused else 'error'} title={title}::{_escape(text)}"


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
