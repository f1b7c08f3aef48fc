"""What the store holds, when it was used last, and what is removed when it holds too much.

Using a blob sets its access time (`Store.intact`), its time of change stays. The ledger of evidence is never
touched: it is small, and what was seen is not seen again. What is no blob by its name and kind stays as well.
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
    """What the blobs of one stage amount to; ages are seconds since the last use."""

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
        size = min(stat.st_size, stat.st_blocks * 512)  # holes take no room
        found.append(Blob(path.name, path, size, stat.st_atime))
    return sorted(found, key=lambda blob: (blob.used, blob.digest))


def holdings(root: Path, found: Sequence[Blob]) -> list[Holding]:
    """The blobs by the stage that made them, the largest first."""
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
    """Those of the blobs, least recently used first, without which the rest is at most `limit` bytes.

    What is `claimed` stays, even if that is more.
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
    """Removes blobs, and before them the actions that name one: what is not promised is not missed."""
    digests = {blob.digest for blob in gone}
    for record, (_, outputs) in _actions(root).items():
        if digests.intersection(outputs):
            record.unlink(missing_ok=True)
    for blob in gone:
        blob.path.unlink(missing_ok=True)


def _actions(root: Path) -> dict[Path, tuple[str, list[Digest]]]:
    """Stage and outputs of every action; a torn record is `Store.lookup`'s to find."""
    found = {}
    for path in files.regular(root / "actions"):
        try:
            action = Action.parse(files.read(path))
        except (OSError, ValueError):
            continue
        found[path] = action.stage, list(action.outputs.values())
    return found
