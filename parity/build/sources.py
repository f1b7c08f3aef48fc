"""The sources of a build: the list of files, their content, and a copy from which the build runs.

The result of a build is stored under the digests of its sources. So a build must read exactly these bytes: it
runs on its own copy, which is hashed while it is written. The copy contains only the sources, and a later
change of a source does not change it. Links are followed, and must stay in the tree.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from parity.core import host
from parity.core.errors import InfraError, UserError
from parity.store.store import FileDigests

INSIDE = "/src"  # where a build finds its sources
OLD_NS = 10**9  # a time before any compilation
# Names of files that editors and file managers create.
JUNK = (
    *("*~", ".#*", "#*#", ".*.sw[a-p]", "4913", ".*.kate-swp", ".goutputstream-*", "*___jb_*___"),
    *(".DS_Store", "._*", "Thumbs.db", "desktop.ini"),
)
EXECUTABLE = " executable"
MANIFEST = "Cargo.toml"
CONFIGURATION = ".cargo/"

Content = str
"""SHA-256 of a source (hexadecimal), followed by EXECUTABLE if the file is executable."""


def contents(
    known: FileDigests, root: Path, patterns: Sequence[str], ours: Path | None = None
) -> dict[str, Content]:
    """Path below `root` → content, for every source; `patterns` are those of the tree's YAML.

    Files below the folder `ours` are not sources.

    Raises:
        UserError: a link leads outside the tree, or to a folder that contains it.
    """
    found: dict[str, Content] = {}
    for path in sorted(set(_files(root, patterns, [ours.resolve()] if ours else []))):
        with contextlib.suppress(FileNotFoundError):  # it was just removed, or is a broken link
            executable = EXECUTABLE if path.stat().st_mode & 0o100 else ""
            found[path.relative_to(root).as_posix()] = known.of(path) + executable
    return found


def _files(root: Path, patterns: Sequence[str], skipped: Sequence[Path]) -> Iterator[Path]:
    for pattern in patterns:
        for path in root.glob(pattern.rstrip("/")) if pattern.strip("./") else [root]:
            _inside(root, path)
            if pattern.endswith("/"):
                yield from _below(root, path, (), skipped)
            elif path.is_file() and not _junk(path.name):
                yield path


def _below(root: Path, folder: Path, above: tuple[Path, ...], skipped: Sequence[Path]) -> Iterator[Path]:
    """The files below a folder, without junk and `skipped`; `above` are the folders that contain it."""
    real = folder.resolve()
    if real in skipped:
        return
    if real in above:
        raise UserError("a link among the sources leads back to a folder that contains it", file=folder)
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in paths:
        if _junk(path.name):
            continue
        if path.is_symlink():
            _inside(root, path)
        if path.is_dir():
            yield from _below(root, path, (*above, real), skipped)
        elif path.is_file():
            yield path


def _junk(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in JUNK)


def _inside(root: Path, path: Path) -> None:
    if path.exists() and not path.resolve().is_relative_to(root.resolve()):
        raise UserError("a link among the sources leads outside the tree", file=path)


def manifests(wanted: Mapping[str, Content]) -> dict[str, Content]:
    """The sources that decide which crates a build has and how they are compiled."""
    return {
        name: content
        for name, content in wanted.items()
        if PurePosixPath(name).name in (MANIFEST, "Cargo.lock") or name.startswith(CONFIGURATION)
    }


def that_run(root: Path, wanted: Mapping[str, Content]) -> dict[str, Content]:
    """The sources that decide which code runs during a build of the tree at `root`.

    These are build scripts and procedural macros with the crates in the tree that they use, Cargo's
    configuration, and executable files.
    """
    runs = {name for name in wanted if PurePosixPath(name).name == "build.rs"}
    folders = list[str]()
    shared = _table(_manifest(root / MANIFEST), "workspace", "dependencies")
    for name in wanted:
        if PurePosixPath(name).name == MANIFEST:
            manifest, place = _manifest(root / name), PurePosixPath(name).parent
            script = _table(manifest, "package").get("build")
            runs |= {os.path.normpath(place / script)} if isinstance(script, str) else set()
            folders += [str(place)] if _table(manifest, "lib").get("proc-macro") else []
            for crate in _table(manifest, "build-dependencies"):
                inner, shared_by_all = (
                    _table(dependencies, crate).get("path")
                    for dependencies in (_table(manifest, "build-dependencies"), shared)
                )
                folders += [os.path.normpath(place / inner)] if isinstance(inner, str) else []
                folders += [os.path.normpath(shared_by_all)] if isinstance(shared_by_all, str) else []
    return {
        name: content
        for name, content in wanted.items()
        if name in runs
        or content.endswith(EXECUTABLE)
        or name.startswith(CONFIGURATION)
        or any(PurePosixPath(name).is_relative_to(folder) for folder in folders)
    }


def _manifest(place: Path) -> dict[str, Any]:
    """The content of a manifest; empty if it cannot be read, because Cargo reports the mistake."""
    try:
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}


def _table(tables: Any, *names: str) -> dict[str, Any]:
    """The table at a path of names in nested tables; empty if it is missing or not a table."""
    for name in names:
        tables = tables.get(name) if isinstance(tables, dict) else None
    return tables if isinstance(tables, dict) else {}


def stubs(wanted: Mapping[str, Content]) -> dict[str, str]:
    """Empty files in place of the Rust sources, so that Cargo finds the files that manifests name."""
    return {name: "" for name in wanted if name.endswith(".rs") and not name.startswith(CONFIGURATION)}


@contextlib.contextmanager
def copied(
    build: Path,
    root: Path,
    wanted: Mapping[str, Content],
    since_ns: Mapping[str, int],
    stubs: Mapping[str, str] | None = None,
) -> Iterator[Path]:
    """A folder below `build` with a copy of these sources and no other file, until the block ends.

    `since_ns` is the modification time of each file; `stubs` are additional files with their text.

    Raises:
        InfraError: a source has changed since it was hashed.
    """
    with host.scratch(build) as scratch:
        folder = scratch / "src"
        for name, content in {**wanted, **_stand_ins(wanted), **(stubs or {})}.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if name in wanted and name not in (stubs or {}):
                _copy(root / name, place, content)
            else:
                place.write_text(content, encoding="utf-8")
                place.chmod(0o444)
            time = since_ns.get(name, OLD_NS)
            os.utime(place, ns=(time, time))
        for place in (folder, *folder.rglob("*")):  # folders get a fixed time
            if place.is_dir():
                place.chmod(0o755)  # a build can run as another user
                os.utime(place, ns=(OLD_NS, OLD_NS))
        yield folder


def _copy(source: Path, place: Path, content: Content) -> None:
    try:
        data = source.read_bytes()
    except FileNotFoundError:
        data = b""
    if hashlib.sha256(data).hexdigest() != content.removesuffix(EXECUTABLE):
        raise InfraError(f"{source} changed while it was read", hint="run it again")
    place.write_bytes(data)
    place.chmod(0o555 if content.endswith(EXECUTABLE) else 0o444)


def _stand_ins(wanted: Collection[str]) -> dict[str, str]:
    """Files that Cargo needs in packages whose only source is the manifest.

    The workspace lists these packages, but the build does not compile them.
    """
    files = [PurePosixPath(name) for name in wanted]
    others = {parent for file in files if file.name != MANIFEST for parent in file.parents}
    bare = [file.parent for file in files if file.name == MANIFEST and file.parent not in others]
    says = "only its Cargo.toml is among the `sources` of this build in the tree's YAML"
    return {
        str(folder / name): f'compile_error!("{folder}: {says}");\n'
        for folder in bare
        for name in ("src/lib.rs", "build.rs")
    }


def outside(root: Path, copy: Path, text: str) -> list[str]:
    """The files named in a compiler's output that exist in the tree but not in the copy."""
    words = re.findall(r"[\w./+@-]+", text)
    named = {os.path.normpath(word.removeprefix(f"{INSIDE}/")) for word in words}
    return sorted(
        name
        for name in named
        if not name.startswith(("/", "..")) and _there(root / name, Path.is_file) and not _there(copy / name)
    )


def undeclared(root: Path, wanted: Collection[str], declared: Collection[str]) -> list[str]:
    """The files and folders in `declared` (read by the build) that exist in the tree but are not sources."""
    folders = {str(folder) for name in wanted for folder in PurePosixPath(name).parents}
    return sorted(
        name for name in declared if name not in folders and name not in wanted and _there(root / name)
    )


def _there(path: Path, asked: Callable[[Path], bool] = Path.exists) -> bool:
    """Whether a path that a build has named exists; false for a path that is not valid."""
    try:
        return asked(path)
    except (OSError, ValueError):
        return False
