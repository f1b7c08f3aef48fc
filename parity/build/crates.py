"""Fetches the crates of a lock file, and compares them with the checksums in the lock file.

The fetch has network, so it runs no code of the tree. Cargo sees the tree's manifests, its lock file, empty
sources, and a configuration written by Parity. This contains only the origins of crates of the tree's own
configuration, and no key that names a program, such as `rustc-wrapper`.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from parity.build import cargo, sources
from parity.build.workspace import Workspace
from parity.core import errors, host, lock
from parity.core.errors import BuildError, MachineError
from parity.docker import images
from parity.docker.engine import Mount
from parity.spec.tree import Tree
from parity.store.store import action_key

CONFIGS = (".cargo/config.toml", ".cargo/config")
# The keys that are copied from a tree's configuration.
SOURCE_KEYS = ("registry", "directory", "local-registry", "git", "branch", "tag", "rev", "replace-with")
REGISTRY_KEYS = ("index", "token")
PATH_KEYS = ("directory", "local-registry", "path")
STD_LOCK = "/usr/lib/rustlib/src/rust/library/Cargo.lock"  # in the toolchain's image
CACHE = "registry/cache"  # in Cargo's home; it has a folder of crates for each registry
CRATES_IO = "index.crates.io-"  # the prefix of the folder of crates.io
FETCH_S = 3600.0  # over a slow network
LAST_LINES = 20


def fetch(space: Workspace, tree: Tree) -> None:
    """Downloads the crates of the tree's and the standard library's lock files, unless all are intact.

    Raises:
        BuildError: the lock file is missing or does not match the manifests, or the tree's Cargo
            configuration cannot be read or leads outside the tree.
        MachineError: Docker or the network does not work, the disk is full, or a crate does not match the
            lock file.
    """
    locked = tree.root / "Cargo.lock"
    if not locked.is_file():
        raise BuildError(f"{locked} is missing", hint="run: cargo generate-lockfile")
    expected = checksums(locked.read_text(encoding="utf-8", errors="replace"), str(locked))
    config = configuration(tree.root)
    toolchain = space.image("toolchain").packages_digest
    key = action_key("fetch", {"lock": sorted(expected.items()), "config": config, "toolchain": toolchain})
    fetched = Fetched(space, space.cache / "cargo", key)
    with lock.held(space.cache / "locks" / "crates.lock"):
        if fetched.whole():
            return
        _download(space, tree, config)
        fetched.record({**_std_checksums(space), **expected})


@dataclass(frozen=True)
class Fetched:
    """The crates in Cargo's home, and the note of the crates that one fetch downloaded."""

    space: Workspace
    home: Path
    key: str

    @property
    def note(self) -> Path:
        """A JSON object: the path of each crate below `registry/cache`, and its SHA-256."""
        # The note is in Cargo's folder, so that a user who deletes the crates also deletes the note.
        return self.home / ".parity-fetched" / f"{self.key[:32]}.json"

    def whole(self) -> bool:
        """Whether all crates of the fetch exist and are intact; reports and removes damaged ones."""
        try:
            noted = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        found = dict(self.crates())
        whole = isinstance(noted, dict) and noted.keys() <= found.keys()
        for name in noted if whole else ():
            if self.space.digests.of(found[name]) != noted[name]:
                self.space.screen.note(f"crate {name} is damaged or changed; fetched again", "yellow")
                found[name].unlink(missing_ok=True)
                whole = False
        return whole

    def record(self, expected: Mapping[str, str]) -> None:
        """Notes the crates that were fetched.

        Raises:
            MachineError: a crate does not match the lock file.
        """
        found = {
            name: self.space.digests.of(place) for name, place in self.crates() if _crate(name) in expected
        }
        noted = {name: digest for name, digest in found.items() if digest in expected[_crate(name)].split()}
        known = {_crate(name) for name in noted}
        for name in found.keys() - noted.keys():
            # A crate with the same name can come from another registry; this build does not use it.
            if name.startswith(CRATES_IO) or _crate(name) not in known:
                (self.home / CACHE / name).unlink(missing_ok=True)
                raise MachineError(
                    f"crate {name} does not match Cargo.lock: its SHA-256 is {found[name]}",
                    f"Cargo.lock has {expected[_crate(name)]}. The crate was removed; run the command again.",
                )
        host.write_whole(self.note, json.dumps(noted, indent=1, sort_keys=True).encode(), self.space.cache)

    def crates(self) -> Iterator[tuple[str, Path]]:
        """All crates in Cargo's home: `REGISTRY/NAME-VERSION.crate`, and the file."""
        cache = self.home / CACHE
        for place in sorted(cache.glob("*/*.crate")):
            yield place.relative_to(cache).as_posix(), place


def _crate(name: str) -> str:
    return name.rpartition("/")[2]


def checksums(text: str, place: str) -> dict[str, str]:
    """`NAME-VERSION.crate` → SHA-256, for each crate of a lock file; several are separated by spaces.

    Raises:
        BuildError: `text` is not a lock file.
    """
    found = dict[str, str]()
    try:
        for package in tomllib.loads(text).get("package", []):
            if "checksum" in package:
                name = f"{package['name']}-{package['version']}.crate"
                known = {*found.get(name, "").split(), str(package["checksum"])}
                found[name] = " ".join(sorted(known))
    except (tomllib.TOMLDecodeError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(f"{place} is not a lock file of Cargo: {error}") from None
    return found


def configuration(root: Path) -> dict[str, Any]:
    """The origins of crates in the tree's Cargo configuration.

    Raises:
        BuildError: it is not TOML, or a path in it leads outside the tree.
    """
    place = next((root / name for name in CONFIGS if (root / name).is_file()), None)
    if place is None:
        return {}
    try:
        given = tomllib.loads(place.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BuildError(f"{place} cannot be read: {error}") from None
    taken = {
        "source": _tables(given.get("source"), SOURCE_KEYS),
        "registries": _tables(given.get("registries"), REGISTRY_KEYS),
        "patch": {
            name: inner for name, table in _items(given.get("patch")) if (inner := _tables(table, None))
        },
        "paths": [path for path in _list(given.get("paths")) if isinstance(path, str)],
    }
    for path in (*taken["paths"], *_paths(taken)):
        if not _inside(root, path):
            raise BuildError(f"{place}: {path!r} leads outside the tree")
    return {name: table for name, table in taken.items() if table}


def _items(table: Any) -> Collection[tuple[str, Any]]:
    return table.items() if isinstance(table, dict) else ()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tables(table: Any, keys: Collection[str] | None) -> dict[str, dict[str, Any]]:
    """The inner tables of a table, reduced to `keys`; None: all keys, as for dependencies."""
    return {
        name: {
            key: value
            for key, value in _items(inner)
            if (keys is None or key in keys) and isinstance(value, str | bool | list)
        }
        for name, inner in _items(table)
        if isinstance(inner, dict)
    }


def _paths(value: Any) -> Iterator[str]:
    for key, inner in _items(value):
        if key in PATH_KEYS and isinstance(inner, str):
            yield inner
        yield from _paths(inner)


def _relative(path: str) -> str:
    """A path of the configuration, relative to the folder that contains `.cargo`."""
    return os.path.relpath(os.path.join(cargo.SOURCE, path), cargo.SOURCE)  # noqa: PTH118


def _inside(root: Path, path: str) -> bool:
    """Whether a path of the configuration stays in the tree."""
    place = _relative(path)
    return (
        "\0" not in path
        and not place.startswith("..")
        and (root / place).resolve().is_relative_to(root.resolve())
    )


def _download(space: Workspace, tree: Tree, config: Mapping[str, Any]) -> None:
    """Runs `cargo fetch` with network; no code of the tree runs."""
    home = space.cache / "cargo"
    lines: list[str] = []

    def on_line(_stream: str, line: str) -> None:
        lines.append(cargo.UNPRINTABLE.sub("?", line))
        space.screen.say(lines[-1].strip())

    for name in cargo.FETCHED:
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "registry" / "src").mkdir(exist_ok=True)
    patterns = (*tree.kernel.sources, *tree.programs.sources)
    wanted = sources.contents(space.digests, tree.root, patterns, space.build)
    paths = [_relative(path) for path in (*config.get("paths", ()), *_paths(config))]
    needed = {
        name: content for name, content in sources.manifests(wanted).items() if not name.startswith(".cargo/")
    } | {name: content for name, content in wanted.items() if name.startswith(tuple(f"{p}/" for p in paths))}
    text = tomli_w.dumps({**config, "net": {"git-fetch-with-cli": False}})
    stubs = {**sources.stubs(wanted), ".cargo/config.toml": text}
    mounts, environment = images.ca_mounts()
    with sources.copied(space.build, tree.root, needed, {}, stubs=stubs) as source:
        status = space.engine.run_tool(
            space.image("toolchain").id,
            ["cargo", "fetch", "--locked", "-Zbuild-std=core,alloc"],
            mounts=[Mount(source, cargo.SOURCE), Mount(home, cargo.HOME, read_only=False), *mounts],
            tmpfs_mib={cargo.UNPACKED: cargo.UNPACKED_MIB},
            env={**cargo.ENVIRONMENT, "CARGO_TARGET_DIR": "/tmp/target", **environment},
            workdir=cargo.SOURCE,
            network=True,
            on_line=on_line,
            timeout_s=FETCH_S,
        ).status
    if status != 0:
        raise _failed(lines, home)


def _failed(lines: list[str], home: Path) -> BuildError | MachineError:
    text = "\n  ".join(lines[-LAST_LINES:])
    if cause := errors.machine_problem(lines):
        return MachineError(f"{cause} while crates are fetched to {home}", text)
    if "--locked" in text and "lock file" in text:
        return BuildError("Cargo.lock does not match the Cargo.toml files", output=text)
    return MachineError(f"crates could not be fetched:\n  {text}", "is the crates registry reachable?")


def _std_checksums(space: Workspace) -> dict[str, str]:
    """The `checksums` of the standard library's lock file; empty if the image has no such file."""
    lines: list[str] = []
    status = space.engine.run_tool(
        space.image("toolchain").id, ["cat", STD_LOCK], on_line=lambda _, line: lines.append(line)
    ).status
    return checksums("\n".join(lines), STD_LOCK) if status == 0 else {}
