"""How soon a guest that hangs is called hung."""

from __future__ import annotations

import gzip
import statistics
from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure
from parity.build.workspace import Workspace
from parity.core.errors import InfraError
from parity.guest import guest
from parity.guest.guest import GuestRun
from parity.judge import channel, verdict
from parity.judge.event import QmpEvent
from parity.judge.state import State
from parity.judge.verdict import Verdict
from parity.report import log
from parity.results.evidence import Evidence
from parity.run.evidence_runner import EvidenceRunner
from parity.selftest import canary_run

FIXED_S = 30.0  # what a deadline for all of them would be
WHAT = (
    "`doit canaries`: the whole command; and of its guests that hang, from the last thing that they told the "
    "host, right after which each hangs, to the verdict: the median."
)
ROUNDS = 3


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    space, tree = bench.space, bench.tree
    features, all_canaries = canary_run.load(space, tree)
    likes = [canary_run.like(space, tree, arch, features) for arch in bench.archs]
    runner = EvidenceRunner(space, tree.panic_patterns, log.render)
    specs = [
        each.spec(like) for like in likes for each in all_canaries if each.expected[like.arch] is Verdict.HANG
    ]
    seconds, medians, all_s = [], [], list[float]()
    for _ in bench.each_round():
        seconds.append(bench.here.doit(f"lanes={bench.lanes}", "canaries").seconds)
        runs = [recorded(space, found) for spec in specs if (found := runner.known(spec))]
        hung_s = [waited for run in runs if (waited := hang_s(run)) is not None]
        if len(hung_s) != len(specs):
            raise InfraError(f"{len(hung_s)} of {len(specs)} guests that must hang did")
        medians.append(statistics.median(hung_s))
        all_s += hung_s
    most = f"{len(specs)} guests a round, {min(all_s):.1f} to {max(all_s):.1f} s"
    return [
        Figure("from hanging to the verdict, median", "s", medians, Aim(FIXED_S), notes=[most]),
        Figure(f"doit canaries, {len(all_canaries)} on each architecture", "s", seconds),
    ]


def hang_s(run: GuestRun) -> float | None:
    """Seconds from the last record, or the start where there is none, to the verdict; None if not hung."""
    if run.state is None:
        return None
    state, told_t = State(run.state.rules), 0.0
    for timed in run.events:
        state = verdict.observe(state, timed)
        if state.hang is not None:
            return timed.t - told_t
        if isinstance(timed.event, channel.Record | QmpEvent):
            told_t = timed.t
    return None


def recorded(space: Workspace, found: Evidence) -> GuestRun:
    """A guest as it was recorded."""
    with space.scratch() as folder:
        place = folder / "recording.jsonl"
        place.write_bytes(gzip.decompress(space.store.read(found.recording)))
        return guest.judge_recording(place)
