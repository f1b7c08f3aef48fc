"""Eviction: lists the blobs of the store, and removes the least recently used ones above a limit.

The access time of a blob is the time of its last use (`Store.intact` sets it). Eviction never removes
evidence, because it is small and cannot be made again. It removes only regular files with a blob's name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from parity.store import files
from parity.store.store import Action, Digest

OTHERS = "recordings of guests"
BLOB = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Blob:
    """One blob: bytes on the disk, and when it was last used, seconds since the epoch."""

    digest: Digest
    path: Path
    size: int
    used: float


@dataclass(frozen=True)
class Holding:
    """Number and total size of the blobs of one stage; ages are seconds since the last use."""

    stage: str
    count: int
    size: int
    youngest_s: float
    oldest_s: float


def blobs(root: Path) -> list[Blob]:
    """All blobs, the least recently used first."""
    found = []
    for path in files.regular(root / "blobs"):
        if not (BLOB.fullmatch(path.name) and path.name.startswith(path.parent.name)):
            continue
        try:
            stat = path.lstat()
        except FileNotFoundError:  # damaged, and removed by another command
            continue
        size = min(stat.st_size, stat.st_blocks * 512)  # holes take no space
        found.append(Blob(path.name, path, size, stat.st_atime))
    return sorted(found, key=lambda blob: (blob.used, blob.digest))


def holdings(root: Path, found: Sequence[Blob]) -> list[Holding]:
    """The blobs grouped by the stage that made them, the largest group first."""
    stage_of = {digest: stage for stage, digests in _actions(root).values() for digest in digests}
    now, by_stage = time.time(), dict[str, list[Blob]]()
    for blob in found:
        by_stage.setdefault(stage_of.get(blob.digest, OTHERS), []).append(blob)
    holdings = [
        Holding(
            stage,
            len(group),
            sum(blob.size for blob in group),
            max(0.0, now - max(blob.used for blob in group)),
            max(0.0, now - min(blob.used for blob in group)),
        )
        for stage, group in by_stage.items()
    ]
    return sorted(holdings, key=lambda holding: -holding.size)


def surplus(found: Sequence[Blob], limit: float, claimed: Container[Digest] = ()) -> list[Blob]:
    """The blobs to remove, least recently used first, so that the rest has at most `limit` bytes.

    Blobs in `claimed` are never removed, even if they alone exceed the limit.
    """
    left, gone = sum(blob.size for blob in found), list[Blob]()
    for blob in found:
        if left <= limit:
            break
        if blob.digest in claimed:
            continue
        left -= blob.size
        gone.append(blob)
    return gone


def remove(root: Path, gone: Collection[Blob]) -> None:
    """Removes blobs. The actions that name them are removed first, so that no action names a missing blob."""
    digests = {blob.digest for blob in gone}
    for record, (_, outputs) in _actions(root).items():
        if digests.intersection(outputs):
            record.unlink(missing_ok=True)
    for blob in gone:
        blob.path.unlink(missing_ok=True)


def _actions(root: Path) -> dict[Path, tuple[str, list[Digest]]]:
    """Stage and outputs of every action. Damaged records are skipped; `Store.lookup` reports them."""
    found = {}
    for path in files.regular(root / "actions"):
        try:
            action = Action.parse(files.read(path))
        except (OSError, ValueError):
            continue
        found[path] = action.stage, list(action.outputs.values())
    return found
