"""The report as Markdown: pass rate over all names, a row per test, failures by cause and priority."""

from __future__ import annotations

import re
from collections.abc import Sequence

from parity.core.row import Row
from parity.results.matrix import rates
from parity.spec.baseline import Changes

UNRANKED = 1_000_000


def render(rows: Sequence[Row], changes: Changes | None = None, inside: Sequence[Row] = ()) -> str:
    """The complete report; `changes`: against the baseline; `inside`: the tests inside the kernel."""
    parts = ["# Results", summary(rows)]
    if changes:
        parts += ["## Against the baseline", "\n".join(f"- {line}" for line in changes.lines())]
    parts += ["## Tests", table([row for row in rows if row.verdict != "missing"])]
    failures = [row for row in rows if row.verdict not in ("pass", "not_run")]
    if failures:
        parts += ["## What does not pass", breakdown(failures)]
    if inside:
        parts += ["## Inside the kernel", summary(inside), table(inside)]
    return "\n\n".join(parts) + "\n"


def summary(rows: Sequence[Row]) -> str:
    """A table with the pass rate of every architecture."""
    lines = ["| architecture | passed | of | rate | other verdicts |", "| --- | ---: | ---: | ---: | --- |"]
    for rate in rates(rows):
        others = ", ".join(
            f"{count} {name}" for name, count in sorted(rate.verdicts.items()) if name != "pass"
        )
        lines.append(f"| {rate.arch} | {rate.passed} | {rate.total} | {rate.percent:.2f} % | {others} |")
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    """A row per test and architecture."""
    lines = [
        "| test | architecture | verdict | guest s | wall s | cause |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    for row in rows:
        verdict = f"**{row.verdict}** (expected {row.expected})" if row.surprise else row.verdict
        verdict += f" (last: {row.last})" if row.last else ""
        verdict += f" ({row.quarantine})" if row.quarantine else ""
        cells = (row.name, row.arch, verdict, _seconds(row.guest_s), _seconds(row.wall_s), row.cause)
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines)


def breakdown(rows: Sequence[Row]) -> str:
    """The rows that do not pass, grouped by cause: most urgent first, then most frequent."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        # The causes of two guests that hang for the same reason differ in their numbers.
        cause = row.reason or row.failure_signature or re.sub("[0-9]+([.][0-9]+)?", "n", row.cause)
        status = "quarantined" if row.excused else "surprise" if row.surprise else "as expected"
        groups.setdefault((row.arch, cause, f"{row.verdict}, {status}"), []).append(row)
    order = sorted(groups.items(), key=lambda group: (group[1][0].priority or UNRANKED, -len(group[1])))
    lines = [
        "| architecture | cause | tests | priority | status | names |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for (arch, cause, status), members in order:
        names = ", ".join(row.name for row in members)
        cells = (arch, cause, str(len(members)), str(members[0].priority or ""), status, names)
        lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def cell(text: str) -> str:
    """Text, escaped for a table cell."""
    return text.replace("|", "\\|").replace("\n", " ")
