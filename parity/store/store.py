"""The store: blobs by SHA-256, and actions by the digest of their inputs.

Layout below the cache directory, shared by all checkouts of a user:

    blobs/ab/abcdef…          a file's bytes under the hexadecimal SHA-256 of its content, read-only
    actions/ab/abcdef….json   an action, sealed: {format, key, stage, outputs: {name: digest}, facts}

Every file is written below `tmp/` and then renamed, so that a command that is killed leaves no partial file
under a final name. A blob is hashed before each command uses it, and again while it is read. If the hash does
not match the name, the blob is removed and reported, and its action runs again. The same holds for a record
that does not match its digest. Output names in a record are relative paths without `..`. Blocks of zeros
become holes, so that a disk image takes only the space of its files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, BinaryIO

import msgspec
from msgspec import Meta

from parity.core import host
from parity.core.errors import MachineError
from parity.store import files, sealed
from parity.store.lease import Claims

TICKS_NS = 100_000_000  # no clock of a file system is coarser
PIECE = bytes(2**20)  # zeros, of the size that is read and hashed at once; small pieces would be slow
FORMAT = 2  # of an action's record; part of its key, so that a version never reads another version's record
HOLE = 2**14  # this many zeros, aligned, become a hole
REMEDY = "make room there, or set PARITY_CACHE to another disk"
AGAIN = "another program writes to the store; run the command again: it makes damaged files again"
READABLE = 0o444  # lanes may run as another user

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", max_length=64)]
"""64 hexadecimal digits of a SHA-256."""


@dataclass(frozen=True)
class Outputs:
    """The outputs of an action: blobs by name, and small facts (counts, seconds, versions)."""

    files: Mapping[str, Digest]
    facts: Mapping[str, Any] = field(default_factory=dict)


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The record of an action."""

    format: int
    key: Digest
    stage: str
    outputs: dict[str, Digest]
    facts: dict[str, Any]

    @classmethod
    def parse(cls, text: bytes) -> Action:
        """Reads a record. Raises ValueError if it is damaged or of another format."""
        found = msgspec.convert(sealed.opened(text), cls)
        if found.format != FORMAT or not all(map(_stays_below, found.outputs)):
            raise ValueError("a record of another format, or an output name that leaves its folder")
        return found


def file_digest(path: Path) -> Digest:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileDigests:
    """SHA-256 of files; a file is read again only if its status has changed.

    A user can set a file's mtime back, but not its ctime. The digest of a file that changed just now is not
    remembered, because another change within the same clock tick would not be visible.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, int, int, int], Digest] = {}

    def of(self, path: Path) -> Digest:
        """The digest of the file as it is now."""
        stat = path.stat()
        seen = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if seen in self._known:
            return self._known[seen]
        asked = time.time_ns()
        digest = file_digest(path)
        if asked - stat.st_ctime_ns > TICKS_NS:
            self._known[seen] = digest
        return digest


def action_key(stage: str, inputs: Mapping[str, Any]) -> Digest:
    """The key of an action: SHA-256 over its stage and all of its inputs, as canonical JSON."""
    values = {"stage": stage, "inputs": inputs, "records": FORMAT}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """The blobs and actions below one directory."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._checked: set[Digest] = set()
        self._claims = Claims(root)

    @cached_property
    def root(self) -> Path:
        """The store's folder. The first access checks its folders; raises MachineError as `files.check`."""
        files.check(self._root)
        return self._root

    def put(self, path: Path) -> Digest:
        """Stores a copy of a file; returns the digest of the copied bytes, even if the file changes."""
        with path.open("rb") as file:
            return self._take(file)

    def put_open(self, file: BinaryIO) -> Digest:
        """Stores the rest of an open file and returns its digest."""
        return self._take(file)

    def put_bytes(self, content: bytes) -> Digest:
        """Stores `content` and returns its digest."""
        return self._take(io.BytesIO(content))

    def _take(self, source: BinaryIO) -> Digest:
        """Stores the rest of `source` and returns its digest."""
        with self._new() as file:
            digest = _copy(source, file)
            if not self.intact(digest):
                files.discard(self.local(digest))
                host.settle(file, self.local(digest), lasting=True)
        self._checked.add(digest)  # `intact` has leased it
        return digest

    def local(self, digest: Digest) -> Path:
        """The path of a blob, which may be missing. No other code turns a digest into a path."""
        return self.root / "blobs" / digest[:2] / digest

    def read(self, digest: Digest) -> bytes:
        """A blob's bytes. The caller must call `intact` first.

        Raises:
            MachineError: the blob has changed since.
        """
        with self._reader(digest) as source:
            content = source.read()
            self._agree(digest, hashlib.sha256(content).hexdigest())
        return content

    def copy(self, digest: Digest, target: BinaryIO) -> None:
        """Writes a blob with its holes to a file. The caller must call `intact` first.

        Raises:
            MachineError: the blob has changed since; the written bytes are not the blob's.
        """
        with self._reader(digest) as source:
            self._agree(digest, _copy(source, target))

    def _reader(self, digest: Digest) -> io.BufferedReader:
        try:
            return files.reader(self.local(digest))
        except (FileNotFoundError, NotADirectoryError, files.OddFileError):
            raise self._changed(digest) from None

    def _agree(self, digest: Digest, found: Digest) -> None:
        if found != digest:
            raise self._changed(digest)

    def _changed(self, digest: Digest) -> MachineError:
        self._checked.discard(digest)
        return MachineError(f"{self.local(digest)} was changed while it was used", AGAIN)

    def intact(self, digest: Digest) -> bool:
        """Whether the blob exists and its content matches its digest.

        The file is hashed once per command. This command holds a lease on it from then on, and the file
        becomes readable for all users.
        """
        if digest in self._checked:
            return True
        place = self.local(digest)
        with self._claims.claimed(digest):
            try:
                with files.reader(place) as file:
                    whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
                    if whole and os.fstat(file.fileno()).st_mode & READABLE != READABLE:
                        os.fchmod(file.fileno(), READABLE)
            except OSError:
                return False
            if whole:
                self._checked.add(digest)
                _touch(place)
            return whole

    def lookup(self, key: Digest) -> tuple[Outputs | None, str | None]:
        """The stored outputs of an action, and a message if something stored was damaged.

        If the outputs are None, the action must run.

        Raises:
            MachineError: a damaged file cannot be removed.
        """
        outputs, complaint = self._recorded(key)
        for name, digest in outputs.files.items() if outputs else ():
            if not self.intact(digest):
                what = "is damaged" if os.path.lexists(self.local(digest)) else "is gone"
                files.discard(self.local(digest))
                return None, f"{name} ({digest[:12]}) in the store {what}; made again"
        return outputs, complaint

    def known(self, key: Digest) -> Outputs | None:
        """The stored outputs of an action if the blobs exist, without a check of their content.

        Call `lookup` before the blobs are used. This call also counts as a use of the blobs.
        """
        outputs, _ = self._recorded(key)
        if outputs is None or not all(_touch(self.local(digest)) for digest in outputs.files.values()):
            return None
        return outputs

    def _recorded(self, key: Digest) -> tuple[Outputs | None, str | None]:
        place = self._action(key)
        try:
            action = Action.parse(files.read(place))
            if action.key == key:
                return Outputs(action.outputs, action.facts), None
        except FileNotFoundError:
            return None, None
        except (OSError, ValueError):
            pass
        files.discard(place)
        return None, f"record {key[:12]} in the store is damaged; made again"

    def record(self, key: Digest, stage: str, outputs: Outputs) -> None:
        """Stores the outputs of an action under its key; raises MachineError if they cannot be written."""
        action = Action(FORMAT, key, stage, dict(outputs.files), dict(outputs.facts))
        with self._new() as file:
            file.write(sealed.seal(msgspec.structs.asdict(action)))
            host.settle(file, self._action(key), lasting=True)

    def _action(self, key: Digest) -> Path:
        return self.root / "actions" / key[:2] / f"{key}.json"

    def _new(self) -> AbstractContextManager[BinaryIO]:
        """A new file, removed at the block's end unless `host.settle` renamed it; raises MachineError."""
        return host.new_file(self.root, f"the store {self.root}", REMEDY)


def _stays_below(name: str) -> bool:
    """Whether a name, joined to a folder, gives a path below this folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _copy(source: BinaryIO, target: BinaryIO) -> Digest:
    """Copies the rest of `source`, with holes for zeros; returns the digest of the copied bytes."""
    digest = hashlib.sha256()
    while piece := source.read(len(PIECE)):
        digest.update(piece)
        step = len(piece) if piece == PIECE else HOLE
        for begin in range(0, len(piece), step):
            part = piece[begin : begin + step]
            if PIECE.startswith(part):
                target.seek(len(part), os.SEEK_CUR)
            else:
                target.write(part)
    target.truncate()
    return digest.hexdigest()


def _touch(place: Path) -> bool:
    """Sets a file's access time, as many file systems do not; returns whether the file exists."""
    try:
        found = place.lstat()
        if not stat.S_ISREG(found.st_mode):
            return False
        os.utime(place, ns=(time.time_ns(), found.st_mtime_ns), follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # it belongs to another user, but can be used
    return True
