"""Cargo's target folder: makes Cargo recompile by the content of sources, although Cargo compares times.

Cargo recompiles if a source is younger than its output. So each file in the copy of the sources gets the time
at which this target folder first had a build with this content of the file. In these cases times do not
suffice; then the folder is emptied, and external crates are copied from the store again:

- the folder belongs to another compiler, other settings or other build scripts, or has no valid note;
- it was copied without its times, or has times in the future, because a clock was set back;
- a source changed that no output declares to have read. Then an unknown build script or linker may have read
  it. Rust files are an exception: the compiler names those that it reads, and the others belong to another
  architecture or feature set, or to tests.

Build scripts can write to the folder `target`, so it is accessed only by parity/build/beneath.py.

    build/cargo/NAME/target/         written by Cargo
    build/cargo/NAME/compiled.json   the note: what was compiled there; its mtime is its `written_ns`
    build/cargo/NAME/.parity.lock    locked by the command that compiles there
"""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from parity.build import sources
from parity.build.beneath import Folder
from parity.build.sources import Content
from parity.core import host, lock
from parity.core.errors import BuildError
from parity.store.store import Digest

FORMAT = 1
NOTE = "compiled.json"
RULE_BYTES = 2**24  # the most that is read of a rule, which has a path for each source
COARSE_NS = 2 * 10**9  # the coarsest resolution of times in a file system
# The compiler reports which Rust files it has read. Cargo compares the content of manifests in each build.
RUST, MANIFEST = ".rs", "Cargo.toml"


@dataclass(frozen=True)
class Compiled:
    """The note about a target folder: its builds since it was empty.

    `made_with` is the digest of all inputs other than sources, `begun_ns` the time at which the folder was
    empty, `written_ns` the time of this note, `sources` the last content of each file, `since_ns` the time of
    the first build with that content, and `declared` the files that builds declare to have read. Times are
    nanoseconds since the epoch.
    """

    made_with: Digest
    begun_ns: int
    written_ns: int
    sources: dict[str, Content]
    since_ns: dict[str, int]
    declared: tuple[str, ...] = ()
    format: int = FORMAT


class Target:
    """A target folder that is locked by this process."""

    def __init__(self, build: Path, name: str, made_with: Digest) -> None:
        self.place = build / "cargo" / name / "target"
        self.folder = Folder(self.place)
        self._build, self._made_with = build, made_with
        self._note = self.place.with_name(NOTE)
        self._compiled = self._read()

    @classmethod
    @contextmanager
    def held(cls, build: Path, name: str, made_with: Digest) -> Iterator[Target]:
        """Locks the target folder `name` below `build` until the block ends."""
        folder = build / "cargo" / name
        (folder / "target").mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # no other user can reach a set-user-ID program in it
        with lock.held(folder / ".parity.lock"):
            yield cls(build, name, made_with)

    def begin(self, wanted: Mapping[str, Content]) -> Mapping[str, int]:
        """Notes the sources of the next build; returns the times that their copies must have."""
        before, now = self._compiled, self._now()
        if before is None:
            return self.begin_anew(wanted)
        # A new source is checked by `ended`.
        changed = [name for name, content in before.sources.items() if wanted.get(name) != content]
        if not all(_declared(before, name) for name in changed):
            return self.begin_anew(wanted)
        since = {
            name: before.since_ns[name] if before.sources.get(name) == content else now
            for name, content in wanted.items()
        }
        self._write(replace(before, written_ns=now, sources=dict(wanted), since_ns=since))
        return since

    def begin_anew(self, wanted: Mapping[str, Content]) -> Mapping[str, int]:
        """Empties the folder, then does the same as `begin`."""
        self._note.unlink(missing_ok=True)
        self.folder.clear()
        now = self._now()
        since = dict.fromkeys(wanted, now)
        self._write(Compiled(self._made_with, now, now, dict(wanted), since))
        return since

    def ended(self, declared: Collection[str]) -> bool:
        """Notes the files that the build declares to have read; returns whether its outputs are valid.

        They are valid if all sources that changed since the folder was empty are declared. Otherwise an
        output can depend on an earlier content of a source, and the build must repeat after `begin_anew`.
        """
        assert self._compiled, "a build ends after it has begun"
        known = sorted({*self._compiled.declared, *declared})
        self._write(replace(self._compiled, written_ns=self._now(), declared=tuple(known)))
        changed = [name for name, since in self._compiled.since_ns.items() if since > self._compiled.begun_ns]
        return all(_declared(self._compiled, name) for name in changed)

    def _now(self) -> int:
        """The later of this machine's and the file system's time: no output here is younger."""
        mark = self._note.with_name(".now")
        mark.write_bytes(b"")
        return max(time.time_ns(), mark.stat().st_mtime_ns)

    def _read(self) -> Compiled | None:
        """The note about the folder; None if there is none or the times are not reliable."""
        try:
            values = json.loads(self._note.read_text(encoding="utf-8"))
            found = Compiled(**{**values, "declared": tuple(values["declared"])})
            noted_ns = self._note.stat().st_mtime_ns
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if (found.format, found.made_with, _coarse(found.written_ns)) != (FORMAT, self._made_with, noted_ns):
            return None
        return found if self._latest() <= self._now() else None

    def _latest(self) -> float:
        """The latest time of all entries in the folder; infinite if the folder cannot be read."""
        try:
            return max((entry.status.st_mtime_ns for entry in self.folder.entries()), default=0)
        except (OSError, BuildError):
            return math.inf

    def _write(self, compiled: Compiled) -> None:
        time_ns = _coarse(compiled.written_ns)
        host.write_whole(self._note, json.dumps(asdict(compiled)).encode(), self._build)
        os.utime(self._note, ns=(time_ns, time_ns))
        self._compiled = compiled


def _declared(compiled: Compiled, name: str) -> bool:
    path = PurePosixPath(name)
    return name in compiled.declared or path.suffix == RUST or path.name == MANIFEST


def _coarse(time_ns: int) -> int:
    return time_ns - time_ns % COARSE_NS


def declared(folder: Folder, executables: Iterable[str]) -> set[str]:
    """The files of the tree that executables depend on, as paths below the tree's folder.

    For each executable Cargo writes a `.d` file, a rule for `make`. It names the sources and the files that
    build scripts declare.

    Raises:
        BuildError: the `.d` file is missing.
    """
    found = set[str]()
    for executable in executables:
        with folder.open(str(PurePosixPath(executable).with_suffix(".d"))) as file:
            rule = file.read(RULE_BYTES).decode(errors="replace")
        for word in re.findall(r"(?:\\.|\S)+", rule.partition(": ")[2]):
            path = os.path.normpath(re.sub(r"\\(.)", r"\1", word))
            if path.startswith(f"{sources.INSIDE}/"):
                found.add(path.removeprefix(f"{sources.INSIDE}/"))
    return found
