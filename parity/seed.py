"""What cargo has compiled of others' crates, for a checkout that has compiled nothing yet.

core, alloc and the crates of the registry are the same in every checkout with the same compiler, lock file
and settings, and take most of a first build. After a build they are kept in the store; a target folder that
has nothing of a target gets them before cargo runs. Of the tree's own packages nothing is ever kept: what is
under test is compiled from the checkout's own sources. Whether a unit fits is for cargo to say, which finds
it under a hash of all that it was compiled with, and compiles it where it does not.

A unit is what cargo compiles at once. Its files have its hash in their names, or lie in a folder that has
(`NAME-0123456789abcdef`); those below `.fingerprint` tell cargo that it is whole.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from parity.store import Outputs
from parity.workspace import Workspace

STAGE = "crates"
TARGET = "/target"  # cargo's target folder as it is seen in the container
# Package ids of what is nobody's checkout: crates of a registry, and the sources of core in the tool image.
OTHERS = ("registry+", "path+file:///usr/")
UNIT = re.compile(r"-([0-9a-f]{16})(?=[./]|$)")
FINGERPRINT = ".fingerprint"


def units(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """The hashes of the units of others' crates that a build used, by cargo's messages in JSON."""
    others, own = set[str](), set[str]()
    for message in messages:
        places = [*message.get("filenames", ()), *([message["out_dir"]] if "out_dir" in message else ())]
        known = others if str(message.get("package_id", "")).startswith(OTHERS) else own
        for place in places:
            known.update(UNIT.findall(place.removeprefix(TARGET)))
    return others - own


def files(target: Path, wanted: set[str]) -> list[str]:
    """The files of these units and of no other, by their paths below cargo's target folder."""
    found = []
    for folder, _, names in os.walk(target):
        for name in names:
            path = str((Path(folder) / name).relative_to(target))
            hashes = set(UNIT.findall(path))
            if hashes and hashes <= wanted:
                found.append(path)
    return sorted(found)


def keep(space: Workspace, key: str, target: Path, messages: Iterable[Mapping[str, Any]]) -> None:
    """Keeps the units of others' crates under a key of what they are compiled with, unless they are kept.

    Nobody compiles into `target` meanwhile. Raises MachineError when the store cannot be written.
    """
    if space.store.known(key) is not None:
        return
    paths = files(target, units(messages))
    programs = [path for path in paths if os.access(target / path, os.X_OK)]
    kept = {path: space.store.put(target / path) for path in paths}
    space.store.record(key, STAGE, Outputs(kept, {"programs": programs}))


def bare(folder: Path) -> bool:
    """Whether nothing was compiled into a target's folder; empty folders do not count."""
    return not any(path.is_file() for path in folder.rglob("*"))


def lay(space: Workspace, key: str, target: Path) -> int:
    """Lays what is kept under the key into cargo's target folder; how many files that were.

    What is there stays, and a unit of which something is there is left to cargo: killed meanwhile, a command
    leaves nothing that passes for whole, as fingerprints come last.

    Raises:
        OSError: there is no room; then nothing is laid.
    """
    outputs, complaint = space.store.lookup(key)
    if complaint:
        space.screen.note(f"{STAGE}: {complaint}", "yellow")
    if outputs is None:
        return 0
    there = {unit for path in outputs.files if (target / path).exists() for unit in UNIT.findall(path)}
    paths = [path for path in outputs.files if there.isdisjoint(UNIT.findall(path))]
    # One time for all: to cargo, a unit is stale that is older than its sources or than a unit it needs.
    now = time.time_ns()
    laid = list[Path]()
    try:
        for path in sorted(paths, key=lambda path: (FINGERPRINT in PurePosixPath(path).parts, path)):
            place = target / path
            laid.append(place)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                space.store.copy(outputs.files[path], file)
            if path in outputs.facts.get("programs", ()):
                place.chmod(0o755)
            os.utime(place, ns=(now, now))
    except BaseException:
        for place in laid:
            place.unlink(missing_ok=True)
        raise
    return len(laid)
