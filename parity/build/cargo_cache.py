"""External crates (core, alloc and crates of a registry), compiled once for all checkouts.

External crates take most of the time of a first build. They are the same in every checkout with the same
compiler, lock file, manifests and settings. Parity compiles them separately, from a copy of the tree that has
its manifests but no code: a build script or macro of the tree could change the compiled crates, and other
checkouts would then take the changed crates from the store. The tree's own packages fail to compile in that
copy, because their sources are empty. Parity stores the compiled crates and copies them into empty target
folders. Cargo decides by a hash of all inputs whether a copied unit fits; if not, it compiles the unit.

A unit is what one run of the compiler builds. Its hash is in the name of each of its files, or of their
folder (`NAME-0123456789abcdef`). Files below `.fingerprint` mark a unit as complete.
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
# Package ids of external crates: crates of a registry, and the sources of core in the tool image.
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
    """Copies compiled external crates into a target folder; compiles them first if the store has none.

    `command` is Cargo's command line for the tree at `root` with the sources `wanted`. `settings` are the
    other inputs.

    Raises:
        MachineError: Docker does not work, or the disk is full.
    """
    manifests = sources.manifests(wanted)
    key = action_key(STAGE, {**settings, "manifests": manifests, "command": list(command)})
    if lay(space, key, target) is None:
        space.screen.say("external crates")
        with space.scratch() as scratch:
            compiled = Path(scratch) / "target"
            heard = Heard(space, "Compiling")  # hides the errors of the tree's packages
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
    """The hashes of the units of external crates that a build used, from Cargo's messages."""
    others, tree_units = set[str](), set[str]()
    for package, places in cargo.ids(messages).items():
        known = others if package.startswith(OTHERS) else tree_units
        for place in places:
            known.update(UNIT.findall(place.removeprefix(cargo.TARGET)))
    return others - tree_units


def files(target: Folder, wanted: set[str]) -> dict[str, bool]:
    """The files that belong only to these units: path → whether the file is executable."""
    found = {}
    for entry in target.entries():
        hashes = set(UNIT.findall(entry.path))
        if entry.regular and hashes and hashes <= wanted:
            found[entry.path] = bool(entry.status.st_mode & 0o100)
    return dict(sorted(found.items()))


def keep(space: Workspace, key: str, target: Folder, messages: Iterable[Message]) -> None:
    """Stores the units of external crates under the key of their inputs.

    Raises:
        MachineError: the store cannot be written.
    """
    paths = files(target, units(messages))
    blobs = {path: space.taken(target, path) for path in paths}
    space.store.record(key, STAGE, Outputs(blobs, {"programs": [path for path in paths if paths[path]]}))


def bare(target: Folder, name: str) -> bool:
    """Whether the folder `name` of the target folder contains no file."""
    return not any(entry.regular for entry in target.entries(name))


def lay(space: Workspace, key: str, target: Folder) -> int | None:
    """Copies the stored units of a key into a target folder; the number of files, None if none are stored.

    Existing files stay, and a unit with an existing file is not copied. Fingerprints are copied last, so that
    a killed command leaves no incomplete unit that looks complete.

    Raises:
        OSError: the disk is full; the copied files are removed.
    """
    outputs, complaint = space.store.lookup(key)
    if complaint:
        space.screen.note(f"{STAGE}: {complaint}", "yellow")
    if outputs is None:
        return None
    there = {unit for path in outputs.files if target.exists(path) for unit in UNIT.findall(path)}
    paths = [path for path in outputs.files if there.isdisjoint(UNIT.findall(path))]
    # All get the same time. Cargo rebuilds a unit that is older than its sources or than a unit it needs.
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
