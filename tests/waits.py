"""A command that does nothing but wait, in every way that Parity has, over and over; a signal must end it.

Run as a process by `test_process`: `python waits.py FOLDER WAY`.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import frames
from test_machine import spec

from parity.core import command, host, lock
from parity.core.cancellation import CANCELLATION
from parity.guest.lane import Lane, LaneError, Message
from parity.run.runner import Job, Pool
from parity.spec.machine import RunSpec
from tasks import ends, outlet
from tasks.__main__ import Process

GOOD = frames.messages(frames.good_run())


class ShortLane:
    """Plays a guest of some milliseconds."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """See Lane."""
        for message in GOOD:
            if self._closed.wait(0.001):
                raise LaneError("it was closed")
            yield message

    def stop(self) -> None:
        """See Lane."""

    def close(self) -> None:
        """See Lane."""
        self._closed.set()


def pool(folder: Path) -> None:
    """Guests over lanes."""

    def open_lane() -> Lane:
        return ShortLane()

    with host.scratch(folder) as place, Pool(open_lane, 4) as lanes:
        jobs = [Job(replace(spec(), test=f"{n}"), str(place / f"{n}")) for n in range(8)]
        for _ in lanes.run(jobs):
            pass


def tools(_: Path) -> None:
    """Commands on the host."""
    command.run(["sh", "-c", "echo x; sleep 0.01; echo y"], lambda _: None)


def streams(_: Path) -> None:
    """What is read in a thread that can be left."""

    def make() -> Iterator[int]:
        for number in range(10):
            time.sleep(0.002)
            yield number

    assert sum(CANCELLATION.each(make, "read", 60)) == 45


def locks(folder: Path) -> None:
    """Locks that another process holds for moments."""
    holder = subprocess.Popen(["flock", str(folder / "lock"), "sleep", "0.02"])
    try:
        for _ in range(5):
            with lock.held(folder / "lock"):
                time.sleep(0.001)
    finally:
        holder.wait(timeout=60)


def stuck(_: Path) -> None:
    """A wait that nothing wakes up."""
    threading.Event().wait(600)


def main() -> int:
    """Waits until it is interrupted; `all`: in all ways in turn."""
    outlet.open_both()
    folder, way = Path(sys.argv[1]), sys.argv[2]
    ways: dict[str, list[Callable[[Path], None]]] = {"all": [pool, tools, streams, locks], "stuck": [stuck]}

    def work() -> int:
        os.write(1, b"up\n")
        for wait in itertools.cycle(ways[way]):
            wait(folder)
        return 0

    return outlet.close(Process().run(lambda: ends.guarded(work)))


if __name__ == "__main__":
    sys.exit(main())
