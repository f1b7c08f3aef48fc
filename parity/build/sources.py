"""The sources of a build: which files they are, what is in them, and a copy of exactly that to build from.

A build is kept under the digests of its sources, so it must read those bytes and no others. It is given a
copy that was hashed as it was written, for itself alone: what changes meanwhile changes no build, and a file
that is not among the sources is not there. Links are followed, and must stay in the tree.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from parity.core import host
from parity.core.errors import InfraError, UserError
from parity.store.store import FileDigests

INSIDE = "/src"  # where a build finds its sources
OLD_NS = 10**9  # older than all that was ever compiled
# What editors and file managers put beside the files that somebody works on.
JUNK = (
    *("*~", ".#*", "#*#", ".*.sw[a-p]", "4913", ".*.kate-swp", ".goutputstream-*", "*___jb_*___"),
    *(".DS_Store", "._*", "Thumbs.db", "desktop.ini"),
)
EXECUTABLE = " executable"
MANIFEST = "Cargo.toml"

Content = str
"""SHA-256 of a source (hexadecimal), and whether it is executable."""


def contents(
    known: FileDigests, root: Path, patterns: Sequence[str], ours: Path | None = None
) -> dict[str, Content]:
    """The content of every source by its path below `root`; `patterns` as in the tree's YAML.

    Nothing below the folder `ours` is a source.

    Raises:
        UserError: a link leads out of the tree, or to a folder that it is in.
    """
    found: dict[str, Content] = {}
    for path in sorted(set(_files(root, patterns, [ours.resolve()] if ours else []))):
        with contextlib.suppress(FileNotFoundError):  # it has just gone, or is a link that leads nowhere
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
    """The files below a folder, but for junk and folders to skip; `above` are the folders that it is in."""
    real = folder.resolve()
    if real in skipped:
        return
    if real in above:
        raise UserError("a link among the sources leads back to a folder that it is in", file=folder)
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


@contextlib.contextmanager
def copied(
    build: Path, root: Path, wanted: Mapping[str, Content], since_ns: Mapping[str, int]
) -> Iterator[Path]:
    """A folder with these sources and no other file, until the block ends; it is made below `build`.

    `since_ns` is the time (since the epoch) that each file gets.

    Raises:
        InfraError: a source is no longer what it was.
    """
    with host.scratch(build) as scratch:
        folder = scratch / "src"
        for name, content in {**wanted, **_stand_ins(wanted)}.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if name in wanted:
                _copy(root / name, place, content)
            else:
                place.write_text(content, encoding="utf-8")
            time = since_ns.get(name, OLD_NS)
            os.utime(place, ns=(time, time))
        for place in (folder, *folder.rglob("*")):  # of what is in a folder, a build must ask each file
            if place.is_dir():
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
    """What cargo looks for in packages of which only the manifest is a source: the workspace names them, and
    they are not built."""
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
    """The files that a text names, as a compiler does, and that the tree has, but not the copy of it."""
    words = re.findall(r"[\w./+@-]+", text)
    named = {os.path.normpath(word.removeprefix(f"{INSIDE}/")) for word in words}
    return sorted(
        name
        for name in named
        if not name.startswith(("/", "..")) and (root / name).is_file() and not (copy / name).exists()
    )


def undeclared(root: Path, wanted: Collection[str], declared: Collection[str]) -> list[str]:
    """Those files and folders that a build says it goes by and that the tree has, but not its sources."""
    folders = {str(folder) for name in wanted for folder in PurePosixPath(name).parents}
    return sorted(
        name for name in declared if name not in folders and name not in wanted and (root / name).exists()
    )
