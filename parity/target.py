"""Cargo's target folder, and what was compiled in it: so that content decides what cargo compiles again.

Cargo goes by times: what it compiled is stale when a source is younger. So the copy that it builds from is
given times by content: those of a file are the moment at which its content was first another one than what
this folder had been used with. What was compiled is thrown away, and others' crates are taken from the store
again, wherever times cannot say it:

- the folder is of another compiler, or other settings, or nothing is known about it;
- it was copied without its times, or its times are later than now: a clock was put back;
- a source changed that nothing compiled in it declares to read: what has read it is unknown, a build script
  or a linker. But for Rust's own files, which the compiler names; most of them belong to another architecture
  or feature set, or to tests.

    build/cargo/NAME/target/         cargo's own
    build/cargo/NAME/compiled.json   what was compiled there; as old as it says
    build/cargo/NAME/.parity.lock    held by the one that compiles there
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

from parity import host, lock, sources
from parity.sources import Content
from parity.store import Digest

FORMAT = 1
NOTE = "compiled.json"
COARSE_NS = 2 * 10**9  # no file system's clock is coarser
# The compiler says which of the first it has read; cargo reads the second each time, and goes by its content.
RUST, MANIFEST = ".rs", "Cargo.toml"


@dataclass(frozen=True)
class Compiled:
    """What a target folder was used with since it was empty.

    `made_with` is the digest of all but the sources that decides, `begun_ns` when it was empty, `written_ns`
    when this was noted, `sources` the content that each file had last, `since_ns` from when on, `declared`
    what was said to be read. Times are nanoseconds since the epoch.
    """

    made_with: Digest
    begun_ns: int
    written_ns: int
    sources: dict[str, Content]
    since_ns: dict[str, int]
    declared: tuple[str, ...] = ()
    format: int = FORMAT


class Target:
    """A target folder that this process alone compiles into."""

    def __init__(self, build: Path, name: str, made_with: Digest) -> None:
        self.place = build / "cargo" / name / "target"
        self._build, self._made_with = build, made_with
        self._note = self.place.with_name(NOTE)
        self._compiled = self._read()

    @classmethod
    @contextmanager
    def held(cls, build: Path, name: str, made_with: Digest) -> Iterator[Target]:
        """The target folder of that name below `build`, while no other command compiles there."""
        folder = build / "cargo" / name
        (folder / "target").mkdir(parents=True, exist_ok=True)
        with lock.held(folder / ".parity.lock"):
            yield cls(build, name, made_with)

    def begin(self, wanted: Mapping[str, Content]) -> Mapping[str, int]:
        """What is about to be compiled; the times that the copy of these sources must have."""
        before, now = self._compiled, self._now()
        if before is None:
            return self.begin_anew(wanted)
        # Of a new one, `ended` judges.
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
        """The same in an empty folder."""
        self._note.unlink(missing_ok=True)
        for path in self.place.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        now = self._now()
        since = dict.fromkeys(wanted, now)
        self._write(Compiled(self._made_with, now, now, dict(wanted), since))
        return since

    def ended(self, declared: Collection[str]) -> bool:
        """Notes what is declared to be read; whether that is all that has changed since the folder was empty.

        If not, what was compiled may be made of what there was before: begin anew.
        """
        assert self._compiled, "a build ends after it has begun"
        known = sorted({*self._compiled.declared, *declared})
        self._write(replace(self._compiled, written_ns=self._now(), declared=tuple(known)))
        changed = [name for name, since in self._compiled.since_ns.items() if since > self._compiled.begun_ns]
        return all(_declared(self._compiled, name) for name in changed)

    def _now(self) -> int:
        """A time that is later than that of anything compiled here, by any clock that may have set it."""
        mark = self._note.with_name(".now")
        mark.write_bytes(b"")
        return max(time.time_ns(), mark.stat().st_mtime_ns)

    def _read(self) -> Compiled | None:
        """What is known of the folder; None where its times cannot be trusted."""
        try:
            values = json.loads(self._note.read_text(encoding="utf-8"))
            found = Compiled(**{**values, "declared": tuple(values["declared"])})
            noted_ns = self._note.stat().st_mtime_ns
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if (found.format, found.made_with, _coarse(found.written_ns)) != (FORMAT, self._made_with, noted_ns):
            return None
        return found if _latest(self.place) <= self._now() else None

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


def _latest(folder: Path) -> int:
    return max((path.lstat().st_mtime_ns for path in folder.rglob("*")), default=0)


def declared(executables: Iterable[Path]) -> set[str]:
    """What cargo says that executables were made of, of the tree's files: their paths below its folder.

    Beside each executable it writes a rule for `make`, which also names what build scripts go by.
    """
    found = set[str]()
    for executable in executables:
        rule = executable.with_name(f"{executable.name}.d").read_text(encoding="utf-8", errors="replace")
        for word in re.findall(r"(?:\\.|\S)+", rule.partition(": ")[2]):
            path = os.path.normpath(re.sub(r"\\(.)", r"\1", word))
            if path.startswith(f"{sources.INSIDE}/"):
                found.add(path.removeprefix(f"{sources.INSIDE}/"))
    return found
