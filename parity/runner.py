"""Many guests over few lanes: the longest first, a thread a lane, results as they come.

The pool outlives one call, so that several suites of a command share its lanes, also at the same time. A lane
that fails is replaced and its guest runs once more; when that lane fails too, the guest is `infra`. A guest's
own failure is never tried again here.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from parity.guest import GuestRun, Watch, run_guest
from parity.lane import Lane, LaneError
from parity.machine import RunSpec
from parity.verdict import Judgement, Verdict

PRESSURE = Path("/proc/pressure/cpu")
TRIES = 2


@dataclass(frozen=True)
class Job:
    """One guest to run. `expected_s` only orders; what is seen goes to `recording` as it happens."""

    spec: RunSpec
    recording: Path
    panic_patterns: Sequence[str] = ()
    expected_s: float = 0.0
    watch: Watch | None = None  # looks at its machine


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


@dataclass(frozen=True)
class Use:
    """How well lanes were used: `span_s` from the first lane being ready to the last verdict.

    `wall_s` is the sum over all guests, each from its emulator's start to its being reaped.
    """

    guests: int
    lanes: int
    span_s: float
    wall_s: float

    @property
    def ideal_s(self) -> float:
        """What the same guests would take if no lane ever waited."""
        return self.wall_s / self.lanes


class Pool:
    """At most `lanes` lanes, opened when there is work for them and ended by `close`; a context manager.

    `open_lane` is called in worker threads; what it raises, `run` raises.
    """

    def __init__(self, open_lane: Callable[[], Lane], lanes: int) -> None:
        self._open_lane = open_lane
        self._lanes = lanes
        self._executor = ThreadPoolExecutor(lanes, thread_name_prefix="guest")
        self._lock = threading.Lock()
        self._idle: list[Lane] = []
        self._all: list[Lane] = []
        self._closed = False
        self._guests, self._wall_s = 0, 0.0
        self._ready_at: float | None = None  # of the first lane, monotonic()
        self._verdict_at = 0.0  # of the last guest

    @property
    def use(self) -> Use:
        """How the lanes were used so far, by all calls of `run`."""
        with self._lock:
            span_s = self._verdict_at - self._ready_at if self._ready_at and self._guests else 0.0
            return Use(self._guests, self._lanes, span_s, self._wall_s)

    def run(
        self, jobs: Sequence[Job], following: Callable[[Result], Sequence[Job]] = lambda _: ()
    ) -> Iterator[Result]:
        """Start all jobs; gives results in the order in which guests end. Several threads may call this.

        `following` says which jobs a result gives rise to, once it was given out.
        """
        longest_first = sorted(jobs, key=lambda job: -job.expected_s)
        # Submitted here, not in the generator: that would start them only with the first look at a result.
        return self._results({self._executor.submit(self._run, job) for job in longest_first}, following)

    def _results(
        self, waiting: set[Future[Result]], following: Callable[[Result], Sequence[Job]]
    ) -> Iterator[Result]:
        try:
            while waiting:
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    result = future.result()
                    yield result
                    waiting |= {self._executor.submit(self._run, job) for job in following(result)}
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End all lanes and what runs in them, now; returns when nothing is left. No more results come."""
        with self._lock:
            self._closed = True
            lanes, self._all = self._all, []
        self._executor.shutdown(wait=False, cancel_futures=True)
        closers = [threading.Thread(target=lane.close) for lane in lanes]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        self._executor.shutdown()

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
                run = run_guest(lane, job.spec, job.panic_patterns, job.recording, job.watch)
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
            if self._idle and not self._closed:
                return self._idle.pop()
        lane = self._open_lane()
        with self._lock:
            if not self._closed:
                self._all.append(lane)
                self._ready_at = self._ready_at or monotonic()
                return lane
        lane.close()
        raise LaneError("the lanes were closed")

    def _discard(self, lane: Lane) -> None:
        with self._lock:
            self._all = [other for other in self._all if other is not lane]
        lane.close()


def _waited_s() -> float | None:
    """Seconds since boot in which some task of this host waited for a processor."""
    try:
        some = PRESSURE.read_text().splitlines()[0]
    except OSError:
        return None
    return int(some.rpartition("total=")[2]) / 1e6


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    if before is None or after is None or seconds <= 0:
        return None
    return min(1.0, (after - before) / seconds)
