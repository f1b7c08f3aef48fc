"""JUnit XML: a testsuite per architecture and feature set, with digests as properties; a testcase per test.

An expected verdict is never a failure. A test that is missing or did not run, and a quarantined surprise, are
`skipped` with their reason. Any other surprise is a `failure`; an `infra` verdict is an `error`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from parity.core.row import Row

# Characters that XML 1.0 does not allow, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(rows: Sequence[Row]) -> str:
    """The JUnit document as text."""
    root = ElementTree.Element("testsuites")
    for arch, features in dict.fromkeys((row.arch, row.features) for row in rows):
        of_suite = [row for row in rows if (row.arch, row.features) == (arch, features)]
        _suite(root, f"{arch}-{features}" if features else arch, of_suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, name: str, rows: Sequence[Row]) -> None:
    suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(rows)))
    properties = ElementTree.SubElement(suite, "properties")
    for key in ("kernel", "disk", "emulator", "host"):
        for value in sorted({str(getattr(row, key)) for row in rows if getattr(row, key)}):
            ElementTree.SubElement(properties, "property", name=key, value=value)
    counts = {"failure": 0, "error": 0, "skipped": 0}
    for row in rows:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{row.arch}.{row.area}",
            name=row.name,
            time=f"{row.wall_s or 0:.3f}",
        )
        kind = _kind(row)
        if kind is None:
            continue
        counts[kind] += 1
        why = (row.quarantine if row.excused else None) or row.reason or row.cause
        note = ElementTree.SubElement(case, kind, message=FORBIDDEN.sub("?", why))
        if kind != "skipped":
            judged = f"{row.verdict}, expected {row.expected}: {row.cause}"
            text = "\n".join(filter(None, (judged, row.sentence, f"log: {row.log}")))
            note.text = FORBIDDEN.sub("?", text)
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(counts["skipped"]))
    suite.set("time", f"{sum(row.wall_s or 0 for row in rows):.3f}")


def _kind(row: Row) -> str | None:
    if row.verdict == "infra":
        return "error"
    if row.gates:
        return "failure"
    return "skipped" if row.surprise or row.verdict in ("missing", "not_run") else None
