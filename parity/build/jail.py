"""The limits of a build: the resources of this machine that it can use.

A build runs programs of the tree: build scripts, procedural macros, tests. They are not trusted. They run as
an ordinary user, in a container without network and capabilities. It can write only to Cargo's target folder
and to memory, within these limits.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from parity.build.beneath import Folder
from parity.core import host
from parity.core.errors import BuildError, ParityError
from parity.docker.attached import Attached
from parity.docker.engine import Limits

TIME_S = 3600.0  # a cold build on a slow machine takes minutes
PROCESSES, PROCESSES_PER_CORE = 512, 64  # including threads; rustc and lld start some per core
MEMORY_SHARE = 0.75  # of this machine's
FULL = 20  # a build is ended when less than 1/FULL of the process limit is left, as new processes may fail
FILE_MIB = 4096  # the size of one file
DISK_MIB = 16_384  # added to the target folder by one build
FILES = 1_000_000  # added by one build
OUTPUT_MIB = 64  # of messages and diagnostics
MIB = 2**20
MEASURING = 0.05  # the largest share of a build's time for measuring its disk use


def limits() -> Limits:
    """The limits that Docker and the kernel enforce."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * MEMORY_SHARE
    pids = PROCESSES + PROCESSES_PER_CORE * host.usable_cores()
    return Limits(memory_mib=int(memory / MIB), pids=pids, file_mib=FILE_MIB)


@dataclass(frozen=True)
class Usage:
    """The disk use of a folder: bytes on the disk, and the number of its files and folders."""

    size: int = 0
    files: int = 0


def usage(folder: Folder, more_than: Usage) -> Usage:
    """The disk use of a folder. Counting stops above `more_than`. Raises as `Folder.entries`."""
    size, seen = 0, set[tuple[int, int]]()
    for entry in folder.entries():
        identity = (entry.status.st_dev, entry.status.st_ino)
        if identity not in seen:
            seen.add(identity)
            size += entry.status.st_blocks * 512
        if size > more_than.size or len(seen) > more_than.files:
            break
    return Usage(size, len(seen))


@dataclass
class Watch:
    """Checks whether a running build exceeds a limit; for `Engine.run_tool`."""

    folder: Folder
    limits: Limits
    time_s: float
    error: ParityError | None = None
    _began: float = field(default_factory=time.monotonic)
    _next: float = 0.0  # time of the next check of the disk use

    def __post_init__(self) -> None:
        endless = 2**63
        before = usage(self.folder, Usage(endless, endless))
        self._most = Usage(before.size + DISK_MIB * MIB, before.files + FILES)

    def __call__(self, container: Attached) -> ParityError | None:
        """The error that ends the build, or None."""
        self.error = self._late() or self._crowded(container) or self._large()
        return self.error

    def _late(self) -> ParityError | None:
        if time.monotonic() - self._began < self.time_s:
            return None
        return BuildError(f"the build was ended: it takes longer than {self.time_s:g} s")

    def _crowded(self, container: Attached) -> ParityError | None:
        threads, most = container.threads(), self.limits.pids
        if threads is None or most is None or threads < most - most // FULL:
            return None
        return BuildError(f"the build was ended: it starts more than {most} processes and threads at once")

    def _large(self) -> ParityError | None:
        now = time.monotonic()
        if now < self._next:
            return None
        try:
            used = usage(self.folder, self._most)
        except BuildError as error:
            return error
        except OSError as error:
            return BuildError(f"the build was ended: its target folder cannot be read: {error.strerror}")
        self._next = now + (time.monotonic() - now) / MEASURING
        if used.size > self._most.size:
            return BuildError(f"the build was ended: it takes more than {DISK_MIB} MiB on the disk")
        if used.files > self._most.files:
            return BuildError(f"the build was ended: it makes more than {FILES} files")
        return None
