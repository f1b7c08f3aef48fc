"""The log of one guest: console and events in order of time, then the verdict and the autopsy.

[   0.1234] console: text        a line of the guest's console, control characters escaped
[   0.1240] ProcessEnd(pid=1, …) a record of the result channel, or another event of the guest
"""

from __future__ import annotations

from parity.autopsy.diagnose import Autopsy
from parity.guest.guest import GuestRun
from parity.judge.event import Sample
from parity.judge.serial import escape
from parity.report import autopsy as report_autopsy


def render(run: GuestRun, title: str, autopsy: Autopsy | None = None) -> str:
    """The log as text."""
    entries = [(line.t, f"console: {escape(line.text)}") for line in run.lines]
    entries += [
        (timed.t, escape(repr(timed.event))) for timed in run.events if not isinstance(timed.event, Sample)
    ]
    lines = [f"[{t:9.4f}] {text}" for t, text in sorted(entries, key=lambda entry: entry[0])]
    for stream, count in run.dropped.items():
        lines.append(f"{count} bytes of {stream} beyond the limit were dropped")
    judgement = run.judgement
    text = "\n".join([title, *lines, f"{judgement.verdict}: {escape(judgement.cause)}"]) + "\n"
    return f"{text}\n{report_autopsy.render(autopsy)}" if autopsy else text
