"""Many guests over few lanes: the longest first, one thread per lane, results as guests end.

The pool outlives one call, so that several suites of a command share its lanes, also at the same time. A lane
that fails is replaced and its guest runs once more; when that lane fails too, the guest is `infra`. A guest's
failure is never retried here.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Self

from parity.core.cancellation import CANCELLATION
from parity.core.progress import LaneUse
from parity.guest.guest import GuestRun, run_guest
from parity.guest.lane import Lane, LaneError
from parity.guest.observer import Hook
from parity.judge.verdict import Judgement, Verdict
from parity.spec.machine import RunSpec

PRESSURE = Path("/proc/pressure/cpu")
TRIES = 2
CLOSE_S = 30.0  # a lane has 11 s
CLOSED = "the lanes were closed"


@dataclass(frozen=True)
class Job:
    """One guest to run: plain data, which msgspec can write and read.

    `recording`: the path of the file that takes each message of the guest as it comes. `expected_s`: the
    seconds that the guest will probably take; they decide the order only.
    """

    spec: RunSpec
    recording: str
    panic_patterns: tuple[str, ...] = ()
    expected_s: float = 0.0


@dataclass(frozen=True)
class Result:
    """How a job ended.

    `host_pressure` is the share of the guest's time in which something on this host waited for a processor
    (None where the host does not say), `lane_failures` what the lanes that broke under it said.
    """

    job: Job
    run: GuestRun
    host_pressure: float | None
    lane_failures: tuple[str, ...]


@dataclass
class _Call:
    """One call of `Pool.run`: the queue of its results, and whether the call is over."""

    ended: SimpleQueue[Result | BaseException | None] = field(default_factory=SimpleQueue)
    over: bool = False


class Pool:
    """At most `lanes` lanes, opened when there is work for them and ended by `close`; a context manager.

    `open_lane` and `hook_of`, which gives the hook that observes the machine of a job's guest, are called in
    worker threads; `run` raises what they raise. Workers and callers meet in queues, which a cancellation may
    wake.
    """

    def __init__(
        self,
        open_lane: Callable[[], Lane],
        lanes: int,
        hook_of: Callable[[Job], Hook | None] = lambda _: None,
    ) -> None:
        self._open_lane, self._hook_of = open_lane, hook_of
        self._lanes = lanes
        self._jobs: SimpleQueue[tuple[Job, _Call] | None] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._idle: list[Lane] = []
        self._all: list[Lane] = []
        self._closed = False
        self._guests, self._wall_s = 0, 0.0
        self._ready_at: float | None = None  # of the first lane, monotonic()
        self._verdict_at = 0.0  # of the last guest

    @property
    def use(self) -> LaneUse:
        """How the lanes were used so far, by all calls of `run`."""
        with self._lock:
            span_s = self._verdict_at - self._ready_at if self._ready_at and self._guests else 0.0
            return LaneUse(self._guests, self._lanes, span_s, self._wall_s)

    def run(
        self, jobs: Sequence[Job], following: Callable[[Result], Sequence[Job]] = lambda _: ()
    ) -> Iterator[Result]:
        """Start all jobs; gives results in the order in which guests end. Several threads may call this.

        `following` returns the jobs that must run after a result; called once the caller took the result.
        """
        call = _Call()
        # Submitted here, because a generator would start them only when the caller asks for a result.
        for job in sorted(jobs, key=lambda job: -job.expected_s):
            self._submit(job, call)
        return self._results(call, len(jobs), following)

    def _results(
        self, call: _Call, waiting: int, following: Callable[[Result], Sequence[Job]]
    ) -> Iterator[Result]:
        try:
            with CANCELLATION.on_request(lambda: call.ended.put(None)):
                while waiting:
                    ended = call.ended.get()  # always ends: guests and lanes have deadlines
                    CANCELLATION.check()
                    if isinstance(ended, BaseException):
                        raise ended
                    assert ended is not None, "put by a cancellation only"
                    waiting -= 1
                    yield ended
                    for job in following(ended):
                        self._submit(job, call)
                        waiting += 1
        finally:
            call.over = True

    def _submit(self, job: Job, call: _Call) -> None:
        with self._lock:
            if self._closed:
                call.ended.put(LaneError(CLOSED))
                return
            self._jobs.put((job, call))
            if len(self._workers) == self._lanes:
                return
            worker = threading.Thread(target=self._work, daemon=True, name=f"guest-{len(self._workers)}")
            self._workers.append(worker)
            worker.start()

    def _work(self) -> None:
        while (taken := self._jobs.get()) is not None:
            job, call = taken
            try:
                if not call.over:
                    call.ended.put(self._run(job))
            except BaseException as error:
                call.ended.put(error)

    def close(self) -> None:
        """End all lanes and their guests now. No more results come.

        Returns when all are gone, or after CLOSE_S; the rest ends with this process.
        """
        with self._lock:
            self._closed = True
            lanes, self._all = self._all, []
        for _ in self._workers:
            self._jobs.put(None)
        closers = [threading.Thread(target=lane.close, daemon=True) for lane in lanes]
        for closer in closers:
            closer.start()
        deadline = monotonic() + CLOSE_S
        for thread in (*closers, *self._workers):
            thread.join(max(0.0, deadline - monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, job: Job) -> Result:
        failures: list[str] = []
        while True:
            lane = self._take()
            before = _waited_s()
            try:
                hook = self._hook_of(job)
                run = run_guest(lane, job.spec, job.panic_patterns, Path(job.recording), hook)
            except LaneError as error:
                self._discard(lane)
                failures.append(str(error))
                if self._closed:
                    raise
                if len(failures) == TRIES:
                    cause = f"{TRIES} lanes failed under it, the last so: {error.message}"
                    run = GuestRun(Judgement(Verdict.INFRA, cause))
                    return Result(job, run, None, tuple(failures))
            except BaseException:
                self._discard(lane)
                raise
            else:
                with self._lock:
                    self._idle.append(lane)
                    self._guests, self._wall_s = self._guests + 1, self._wall_s + run.wall_s
                    self._verdict_at = monotonic()
                return Result(job, run, _share(before, _waited_s(), run.wall_s), tuple(failures))

    def _take(self) -> Lane:
        with self._lock:
            if self._closed:
                raise LaneError(CLOSED)
            if self._idle:
                return self._idle.pop()
        lane = self._open_lane()
        with self._lock:
            if not self._closed:
                self._all.append(lane)
                self._ready_at = self._ready_at or monotonic()
                return lane
        lane.close()
        raise LaneError(CLOSED)

    def _discard(self, lane: Lane) -> None:
        with self._lock:
            self._all = [other for other in self._all if other is not lane]
        lane.close()


def _waited_s() -> float | None:
    """Seconds since boot in which a task of this host waited for a processor."""
    try:
        some = PRESSURE.read_text().splitlines()[0]
    except OSError:
        return None
    return int(some.rpartition("total=")[2]) / 1e6


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None or seconds <= 0:
        return None
    return min(1.0, (after - before) / seconds)
