"""Crates of others, compiled once for all checkouts.

core, alloc and the crates of the registry take most of a first build, and are the same in every checkout with
the same compiler, lock file, manifests and settings. They are compiled by themselves, from a copy of the tree
that has its manifests and nothing that runs: a build script or macro of the tree could change what is
compiled beside it, and so what other checkouts take from the store. The tree's own packages fail to compile
in that copy, as they have no content. The compiled crates are kept in the store and copied into target
folders in which nothing is compiled yet. Cargo decides whether a unit fits, by a hash of all that the unit
was compiled with, and compiles it where it does not.

A unit is what Cargo compiles at once. Its files have its hash in their names, or are in a folder that has
(`NAME-0123456789abcdef`). Those below `.fingerprint` tell Cargo that the unit is whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from parity.build import cargo, sources
from parity.build.beneath import Folder
from parity.build.cargo import Heard, Message
from parity.build.sources import Content
from parity.build.workspace import Workspace
from parity.core import errors
from parity.core.errors import MachineError
from parity.store.store import Outputs, action_key

STAGE = "crates"
# Package ids that belong to no checkout: crates of a registry, and the sources of core in the tool image.
OTHERS = ("registry+", "path+file:///usr/")
UNIT = re.compile(r"-([0-9a-f]{16})(?=[./]|$)")
FINGERPRINT = ".fingerprint"


def provide(
    space: Workspace,
    settings: Mapping[str, Any],
    wanted: Mapping[str, Content],
    root: Path,
    command: Sequence[str],
    rustflags: Sequence[str],
    target: Folder,
) -> None:
    """Copies the compiled crates of others into a target folder; compiles them if the store has none.

    `command` is Cargo's for the tree at `root` with the sources `wanted`, `settings` what else decides.

    Raises:
        MachineError: no Docker, or no room.
    """
    manifests = sources.manifests(wanted)
    key = action_key(STAGE, {**settings, "manifests": manifests, "command": list(command)})
    if lay(space, key, target) is None:
        space.screen.say("crates of others")
        with space.scratch() as scratch:
            compiled = Path(scratch) / "target"
            heard = Heard(space, "Compiling")  # the tree's packages fail
            with sources.copied(space.build, root, manifests, {}, stubs=sources.stubs(wanted)) as source:
                cargo.run(
                    space,
                    source,
                    [*command, "--keep-going"],
                    target=compiled,
                    rustflags=rustflags,
                    on_line=heard,
                )
            if cause := errors.machine_problem(heard.diagnostics):
                raise MachineError(f"{cause} while crates are compiled", "\n  ".join(heard.diagnostics[-5:]))
            keep(space, key, Folder(compiled), heard.messages)
        lay(space, key, target)


def units(messages: Iterable[Message]) -> set[str]:
    """The hashes of the units of others' crates that a build used, by Cargo's messages."""
    others, tree_units = set[str](), set[str]()
    for package, places in cargo.ids(messages).items():
        known = others if package.startswith(OTHERS) else tree_units
        for place in places:
            known.update(UNIT.findall(place.removeprefix(cargo.TARGET)))
    return others - tree_units


def files(target: Folder, wanted: set[str]) -> dict[str, bool]:
    """The files of these units and of no other, by path: whether it is a program."""
    found = {}
    for entry in target.entries():
        hashes = set(UNIT.findall(entry.path))
        if entry.regular and hashes and hashes <= wanted:
            found[entry.path] = bool(entry.status.st_mode & 0o100)
    return dict(sorted(found.items()))


def keep(space: Workspace, key: str, target: Folder, messages: Iterable[Message]) -> None:
    """Keeps the units of others' crates under a key of what they are compiled with.

    Raises:
        MachineError: the store cannot be written.
    """
    paths = files(target, units(messages))
    blobs = {path: space.taken(target, path) for path in paths}
    space.store.record(key, STAGE, Outputs(blobs, {"programs": [path for path in paths if paths[path]]}))


def bare(target: Folder, name: str) -> bool:
    """Whether a folder of the target folder has no file."""
    return not any(entry.regular for entry in target.entries(name))


def lay(space: Workspace, key: str, target: Folder) -> int | None:
    """Copies what is kept under the key into a target folder; the number of files, None if nothing is kept.

    What is there stays, and a unit of which something is there is left to Cargo. A command that is killed
    meanwhile leaves no unit that looks whole, as fingerprints come last.

    Raises:
        OSError: there is no room; then nothing is copied.
    """
    outputs, complaint = space.store.lookup(key)
    if complaint:
        space.screen.note(f"{STAGE}: {complaint}", "yellow")
    if outputs is None:
        return None
    there = {unit for path in outputs.files if target.exists(path) for unit in UNIT.findall(path)}
    paths = [path for path in outputs.files if there.isdisjoint(UNIT.findall(path))]
    # All have one time: to Cargo, a unit is stale that is older than its sources or than a unit it needs.
    now = time.time_ns()
    laid = list[str]()
    try:
        for path in sorted(paths, key=lambda path: (FINGERPRINT in PurePosixPath(path).parts, path)):
            laid.append(path)
            mode = 0o755 if path in outputs.facts.get("programs", ()) else 0o644
            with target.new(path, mode, now) as file:
                space.store.copy(outputs.files[path], file)
    except BaseException:
        for path in laid:
            target.remove(path)
        raise
    return len(laid)
