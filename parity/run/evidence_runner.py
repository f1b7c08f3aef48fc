"""From run specs to evidence: a stored pass under the same key counts, all other guests run now.

The key of a verdict is the digest of the run spec (kernel, disk, test, machine, deadlines), the emulator's
installed packages and arguments, the class of the host, and the rules by which Parity runs and judges guests:
its own modules. A guest with an unchanged pass does not run again; any other guest does.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from parity.autopsy import document, snapshot
from parity.autopsy.diagnose import Autopsy
from parity.autopsy.diagnose import autopsy as diagnosed
from parity.autopsy.locations import Programs
from parity.build.workspace import Workspace
from parity.core import code_digest, host
from parity.core.errors import UserError
from parity.core.progress import LaneUse
from parity.guest import guest
from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, Lane, LaneSize, supervisor_code
from parity.guest.observer import Hook
from parity.judge import state
from parity.judge.serial import Line
from parity.judge.verdict import Judgement, Verdict
from parity.results.evidence import Evidence, Ledger
from parity.run.runner import Job, Pool, Result
from parity.spec.machine import GuestPaths, RunSpec, qemu_argv
from parity.store.store import Digest, action_key

# Modules that decide about verdicts, and all modules that they import, except those that handle no guest.
RULES = ("parity.judge.verdict", "parity.guest.guest", "parity.autopsy.snapshot", "parity.autopsy.diagnose")
NO_RULES = (
    "parity.docker.engine",
    "parity.core.errors",
    "parity.core.host",
    "parity.spec.machine",
    "parity.store.store",
    "parity.core.yamlfile",
)
AUTOPSY = ("parity.autopsy.", "parity.trace.", "parity.build.elf", "parity.guest.inspector")
UNPACKED_MOST = 2**28  # bytes of a recording or an autopsy: a few KiB can unpack to any size
PLACES = GuestPaths("kernel", "disk", "firmware")

AILING = (Verdict.PANIC, Verdict.HANG, Verdict.CRASH)  # verdicts with an autopsy


def rules(root: Path = code_digest.ROOT) -> dict[str, Digest]:
    """The digests of the judging rules, which are modules below a folder."""
    names = code_digest.needed(RULES, NO_RULES, root)
    autopsy = [name for name in names if name.startswith(AUTOPSY)]
    judge = [name for name in names if name not in autopsy]
    parts = {"the judge's rules": judge, "the autopsy's rules": autopsy}
    return {part: code_digest.of(some, root) for part, some in parts.items()}


_RULES = rules()  # as they were imported


RenderLog = Callable[[guest.GuestRun, str, Autopsy | None], str]
"""Renders the readable log of a guest, with a title and its autopsy."""


@dataclass(frozen=True)
class TestOutcome:
    """The judgement of one test in a guest. `spec`: the guest that would run this test alone."""

    __test__ = False  # not a test class for pytest

    spec: RunSpec
    judgement: Judgement
    guest_s: float | None


def whole(result: Result) -> list[TestOutcome]:
    """The outcome of a guest that ran one test."""
    return [TestOutcome(result.job.spec, result.run.judgement, result.run.guest_s)]


class EvidenceRunner:
    """Reads evidence, and runs guests to add to it."""

    def __init__(self, space: Workspace, panic_patterns: Sequence[str], render_log: RenderLog) -> None:
        self.space = space
        self.ledger = Ledger(space.cache)
        self.panic_patterns = tuple(panic_patterns)
        packages = space.image("qemu").packages
        self.emulator = {name: version for name, version in packages.items() if name.startswith("qemu-")}
        self.host = host.host_class()
        self.rules = {**_RULES, "the supervisor": hashlib.sha256(supervisor_code()).hexdigest()}
        self._render_log = render_log
        self._programs = Programs()
        self._warned = False

    def key(self, spec: RunSpec) -> Digest:
        """The key of a verdict: the digest of all its inputs."""
        return action_key("verdict", {**self.inputs(spec), "spec": spec.digest()})

    def inputs(self, spec: RunSpec) -> dict[str, Any]:
        """All inputs of the verdict of a spec."""
        return {
            "spec": msgspec.to_builtins(spec),
            "panic_patterns": self.panic_patterns,
            "emulator": self.emulator,
            "host": self.host,
            "the emulator's arguments": qemu_argv(spec, PLACES),
            **self.rules,
        }

    def known(self, spec: RunSpec) -> Evidence | None:
        """The evidence under the current key, of all runs since the count began.

        Prints once per command that there are records which this version cannot read.
        """
        seen = self.ledger.of(self.key(spec))
        if seen.unread and not self._warned:
            self._warned = True
            self.space.screen.note(
                "skipped evidence that is damaged or of another version: tests that passed before it"
                f" run again (first {title(spec)}: {seen.unread} records)",
                "yellow",
            )
        return seen.known

    def wanted(self, specs: Sequence[RunSpec], *, fresh: bool) -> list[RunSpec]:
        """The specs that must run."""
        if fresh:
            return list(specs)
        return [spec for spec in specs if self.space.history.forgotten(title(spec)) or not self._passed(spec)]

    def _passed(self, spec: RunSpec) -> bool:
        seen = self.known(spec)
        return seen is not None and seen.verdict == Verdict.PASS

    def run(
        self,
        specs: Sequence[RunSpec],
        *,
        lanes: int,
        on_done: Callable[[RunSpec, Evidence], None],
        fresh: bool = False,
        disturb: Callable[[DockerLane], Lane] = lambda lane: lane,
        outcomes: Callable[[Result], Sequence[TestOutcome]] = whole,
        following: Callable[[Result], Sequence[RunSpec]] = lambda _: (),
    ) -> LaneUse:
        """Runs the specs over `lanes` lanes and stores their evidence, in the order in which guests end.
        Returns how well the lanes were used.

        `on_done` gets each test and its evidence. `fresh`: starts a new count of passes and failures.
        `disturb`: may wrap a lane. `outcomes`: the tests that a guest has run. `following`: the guests that
        must run after it.

        Raises:
            MachineError: no Docker, no room.
        """
        engine, qemu = self.space.engine, self.space.image("qemu").id
        size = LaneSize.of(specs, self.space.store)

        def open_lane() -> Lane:
            return disturb(DockerLane.open(engine, qemu, self.space.store, size))

        lanes = min(lanes, len(specs))
        with self.space.scratch() as folder, Pool(open_lane, lanes, self._hook) as pool:
            numbers = count()

            def jobs(some: Sequence[RunSpec]) -> list[Job]:
                return [self._job(spec, str(folder / f"{next(numbers)}.jsonl")) for spec in some]

            begun: set[Digest] = set()
            for result in pool.run(jobs(specs), lambda ended: jobs(following(ended))):
                recording = self._record(result)
                for found in outcomes(result):
                    key = self.key(found.spec)
                    seen = self._keep(result, found, recording, fresh=fresh and key not in begun)
                    begun.add(key)
                    on_done(found.spec, seen)
                Path(result.job.recording).unlink(missing_ok=True)
            self.space.screen.used(pool.use)
            return pool.use

    def log(self, evidence: Evidence) -> str | None:
        """The readable log of a run, a path from the checkout's root; rendered from the recording if missing.

        None when `doit gc` has removed the recording and this checkout has no log.
        """
        place = self._log(evidence)
        if not place.exists() and (content := self._unpacked(evidence.recording)) is not None:
            with self.space.scratch() as folder, contextlib.suppress(UserError):  # it is no recording
                recording = folder / "recording.jsonl"
                recording.write_bytes(content)
                self._write_log(evidence, guest.judge_recording(recording), self._autopsy(evidence))
        return str(place.relative_to(self.space.root)) if place.exists() else None

    def _job(self, spec: RunSpec, recording: str) -> Job:
        before = self.known(spec)
        expected_s = before.wall_s if before else spec.cpu_budget_s
        return Job(spec, recording, self.panic_patterns, expected_s)

    def _hook(self, job: Job) -> Hook:
        """Examines the guest of a job if it hangs, panics or crashes."""
        spec = job.spec

        def examine(inspector: Inspector | None, known: state.State, lines: tuple[Line, ...]) -> Autopsy:
            read = partial(self.space.store.read, spec.kernel)
            elf = partial(self._programs.get, spec.kernel, read)
            console = [line.text for line in lines]
            return diagnosed(snapshot.findings(inspector, spec.arch, elf, known, console))

        return Hook(examine, bad_only=True)

    def _autopsy(self, evidence: Evidence) -> Autopsy | None:
        content = self._unpacked(evidence.autopsy)
        return None if content is None else document.parse(content)

    def _unpacked(self, digest: Digest | None) -> bytes | None:
        """What was packed into a blob; None where it is gone, or is no such blob."""
        if digest is None or not self.space.store.intact(digest):
            return None
        try:
            with gzip.open(io.BytesIO(self.space.store.read(digest))) as packed:
                content = packed.read(UNPACKED_MOST + 1)
        except (OSError, EOFError, zlib.error):
            return None
        return content if len(content) <= UNPACKED_MOST else None

    def _record(self, result: Result) -> Digest:
        recording = Path(result.job.recording)
        content = recording.read_bytes() if recording.exists() else b""
        return self.space.store.put_bytes(gzip.compress(content, mtime=0))

    def _keep(self, result: Result, found: TestOutcome, recording: Digest, *, fresh: bool) -> Evidence:
        spec, judgement, autopsy = found.spec, found.judgement, _autopsy_of(result.run)
        if judgement.verdict not in AILING:  # of another test in the same guest
            autopsy = None
        evidence = Evidence(
            key=self.key(spec),
            test=spec.test,
            arch=spec.arch,
            verdict=judgement.verdict,
            cause=judgement.cause,
            guest_s=found.guest_s,
            wall_s=result.run.wall_s,
            kernel=spec.kernel,
            disk=spec.disk,
            emulator=", ".join(f"{name} {version}" for name, version in sorted(self.emulator.items())),
            host=self.host,
            recording=recording,
            when=now(),
            host_pressure=result.host_pressure,
            failure_kind=autopsy.diagnosis.kind if autopsy else None,
            sentence=autopsy.diagnosis.sentence if autopsy else None,
            failure_signature=autopsy.diagnosis.signature if autopsy else None,
            autopsy=self._save(autopsy) if autopsy else None,
            fresh=fresh,
        )
        if not self._log(evidence).exists():  # several tests in one guest share a log
            self._write_log(evidence, result.run, _autopsy_of(result.run))
        if judgement.verdict not in (Verdict.INFRA, Verdict.NOT_RUN):  # these say nothing about the test
            self.ledger.append(evidence)
        return evidence

    def _save(self, autopsy: Autopsy) -> Digest:
        return self.space.store.put_bytes(gzip.compress(document.as_json(autopsy).encode(), mtime=0))

    def _log(self, evidence: Evidence) -> Path:
        name = f"{evidence.test.partition(':')[0]}-{evidence.recording[:12]}.log"
        return self.space.build / "logs" / evidence.arch / name

    def _write_log(self, evidence: Evidence, run: guest.GuestRun, autopsy: Autopsy | None) -> None:
        text = self._render_log(run, f"{evidence.test.partition(':')[0]} on {evidence.arch}", autopsy)
        host.write_whole(self._log(evidence), text.encode(), self.space.build)


def _autopsy_of(run: guest.GuestRun) -> Autopsy | None:
    return run.observation if isinstance(run.observation, Autopsy) else None


def title(spec: RunSpec) -> str:
    """The title of a guest for users."""
    return f"test {spec.test} {spec.arch}"


def now() -> str:
    """The time, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
