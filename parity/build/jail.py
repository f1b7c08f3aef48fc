"""What a build of a tree may use of this machine.

A build runs programs of the tree: build scripts, procedural macros, tests. They are not trusted. They run as
an ordinary user, in a container without network and capabilities that can write to Cargo's target folder and
to memory, within these limits.
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
PROCESSES, PROCESSES_PER_CORE = 512, 64  # with threads; rustc and lld start some per core
MEMORY_SHARE = 0.75  # of this machine's
FULL = 20  # so near to their limit, by a part of it, new processes fail; some end meanwhile
FILE_MIB = 4096  # of one file
DISK_MIB = 16_384  # that a build adds to the target folder
FILES = 1_000_000  # that a build adds
OUTPUT_MIB = 64  # of messages and diagnostics
MIB = 2**20
MEASURING = 0.05  # of a build's time, at most, is spent on measuring its disk use


def limits() -> Limits:
    """The limits that Docker and the kernel enforce."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * MEMORY_SHARE
    pids = PROCESSES + PROCESSES_PER_CORE * host.usable_cores()
    return Limits(memory_mib=int(memory / MIB), pids=pids, file_mib=FILE_MIB)


@dataclass(frozen=True)
class Usage:
    """What a folder takes: bytes on the disk, and the number of its files and folders."""

    size: int = 0
    files: int = 0


def usage(folder: Folder, more_than: Usage) -> Usage:
    """What a folder takes, counted to the end or until it is more than `more_than`; raises as `entries`."""
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
    """Finds what a running build has used up; for `Engine.run_tool`."""

    folder: Folder
    limits: Limits
    time_s: float = TIME_S
    error: ParityError | None = None
    _began: float = field(default_factory=time.monotonic)
    _next: float = 0.0  # look at the disk

    def __post_init__(self) -> None:
        endless = 2**63
        before = usage(self.folder, Usage(endless, endless))
        self._most = Usage(before.size + DISK_MIB * MIB, before.files + FILES)

    def __call__(self, container: Attached) -> ParityError | None:
        """The error that ends the build, if there is a reason."""
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
