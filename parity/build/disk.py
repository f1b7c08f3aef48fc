"""Makes ext2 images without root and without a mount; the same content gives the same bytes.

`mke2fs -d` fills the image from a tar archive that fixes owner, mode, time and order; UUID, hash seed and
clock are fixed as well (e2fsprogs 1.47.1 or later honours SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from elftools.elf.elffile import ELFFile

from parity.build.beneath import Folder
from parity.build.elf import reading
from parity.build.workspace import Workspace
from parity.core import code_digest, host
from parity.core.errors import BuildError, InfraError, MachineError, UserError
from parity.core.yamlfile import nearest
from parity.docker.engine import Mount
from parity.spec.suite import Suite, Test
from parity.spec.tree import Tree
from parity.store.store import Digest, Outputs

UUID = "70617269-7479-4d65-8000-000000000001"
HASH_SEED = "70617269-7479-4d65-8000-000000000002"
BLOCK_BYTES = 1024
EPOCH_S = 0
# Small groups and few inodes: the files of a small disk have inodes in many groups, and the descriptors of
# groups need more than one block.
FORMAT = ("-t", "ext2", "-b", str(BLOCK_BYTES), "-g", "256", "-i", "16384", "-O", "^resize_inode", "-m", "0")
RECIPE = code_digest.of(["parity.build.disk"])


def as_loaded(space: Workspace, arch: str, programs: Mapping[str, Digest]) -> dict[str, Digest]:
    """The programs (name → ELF in the store) without what a loader ignores, such as debug information.

    A changed comment only changes line numbers in the debug information. Then the outputs of this stage are
    unchanged, and no later stage runs again.

    Raises:
        BuildError: a program is not an ELF file.
    """

    def make() -> Outputs:
        cut = {name: loadable(space.store.read(elf)) for name, elf in programs.items()}
        return Outputs({name: space.store.put_bytes(content) for name, content in cut.items()})

    inputs = {"programs": dict(programs), "recipe": RECIPE}
    return dict(space.cached_stage("loadable", f"programs as loaded {arch}", inputs, make).files)


def whole(
    space: Workspace, tree: Tree, arch: str, programs: Mapping[str, Digest], title: str | None = None
) -> Digest:
    """The image with all these programs (name → program as loaded); raises as `of_tests`."""
    title = title or f"disk {arch}"
    return _images(space, tree, title, {title: programs})[title]


def of_tests(
    space: Workspace,
    tree: Tree,
    suite: Suite,
    arch: str,
    programs: Mapping[str, Digest],
    tests: Iterable[Test],
) -> dict[str, Digest]:
    """The images of tests: test name → image. Missing images are made in one container.

    Raises:
        BuildError: the content is too large for the size in the tree's YAML.
        MachineError: Docker does not work, or the disk is full.
    """
    titles = {test.name: title(test.name, arch) for test in tests}
    wanted = {title_: _aboard(suite, name, programs) for name, title_ in titles.items()}
    images = _images(space, tree, f"disks {arch}", wanted)
    return {name: images[title_] for name, title_ in titles.items()}


def known(
    space: Workspace, tree: Tree, suite: Suite, arch: str, programs: Mapping[str, Digest]
) -> dict[str, Digest]:
    """The digests of the tests' images that are recorded in the store. Makes and reads no image."""
    found = {}
    for name in suite.tests:
        if name in programs:
            inputs = _inputs(space, tree, _aboard(suite, name, programs))
            if outputs := space.known("disk", title(name, arch), inputs):
                found[name] = outputs.files["disk"]
    return found


def title(test: str, arch: str) -> str:
    """The name of a test's image in messages."""
    return f"disk {test} {arch}"


def _aboard(suite: Suite, name: str, programs: Mapping[str, Digest]) -> dict[str, Digest]:
    return {each: programs[each] for each in suite.programs_on_disk(suite.tests[name], programs)}


def _images(
    space: Workspace, tree: Tree, title: str, wanted: Mapping[str, Mapping[str, Digest]]
) -> dict[str, Digest]:
    """The images by title; `wanted` has the programs of each. Each also contains the tree's files."""

    def make(missing: Sequence[str]) -> dict[str, Outputs]:
        contents = (_content(space, tree, wanted[each]) for each in missing)
        images = _mke2fs(space, space.image("qemu").id, contents, tree.disk.size_mib)
        return {each: Outputs({"disk": disk}) for each, disk in zip(missing, images, strict=True)}

    inputs = {each: _inputs(space, tree, programs) for each, programs in wanted.items()}
    return {
        each: images.files["disk"]
        for each, images in space.cached_stages("disk", title, inputs, make).items()
    }


def _inputs(space: Workspace, tree: Tree, programs: Mapping[str, Digest]) -> dict[str, Any]:
    return {
        "programs": dict(programs),
        "files": _digests(tree.disk.files),
        "executables": _digests(tree.disk.executables),
        "folders": sorted(map(str, tree.disk.folders)),
        "links": {str(path): target for path, target in tree.disk.links.items()},
        "folder": str(tree.disk.programs),
        "copies": {str(path): name for path, name in tree.disk.copies.items() if name in programs},
        "size_mib": tree.disk.size_mib,
        "mke2fs": space.image("qemu").packages["e2fsprogs"],
        "recipe": RECIPE,
    }


def _digests(files: Mapping[PurePosixPath, bytes]) -> dict[str, Digest]:
    return {str(path): sha256(content).hexdigest() for path, content in files.items()}


def _content(space: Workspace, tree: Tree, programs: Mapping[str, Digest]) -> bytes:
    """The content of an image, as an archive."""
    files = tree.disk.files | tree.disk.executables
    modes = dict.fromkeys(tree.disk.files, 0o644) | dict.fromkeys(tree.disk.executables, 0o755)
    for path, program in places(tree, programs).items():
        files[path], modes[path] = space.store.read(program), 0o755
    return archive(files, modes, tree.disk.folders, tree.disk.links)


def check(tree: Tree, built: Collection[str]) -> None:
    """Checks that the build produced all programs in `disk.copies`.

    Raises:
        UserError: a program is missing.
    """
    for path, name in tree.disk.copies.items():
        if name not in built:
            raise UserError(f"disk.copies: no program {name!r} for {path}; {nearest(name, built)}")


def places(tree: Tree, programs: Mapping[str, Digest]) -> dict[PurePosixPath, Digest]:
    """The path of every program, including the additional paths in `disk.copies`."""
    places = {tree.disk.programs / name: program for name, program in programs.items()}
    copies = tree.disk.copies.items()
    return places | {path: programs[name] for path, name in copies if name in programs}


def loadable(elf: bytes) -> bytes:
    """An ELF file reduced to what a loader reads: headers and segments, no sections, no debug information.

    Raises:
        BuildError: `elf` is not an ELF64 file.
    """
    try:
        with reading():
            file = ELFFile(io.BytesIO(elf))
            end = max(segment["p_offset"] + segment["p_filesz"] for segment in file.iter_segments())
            tables = file.header["e_phoff"] + file.header["e_phnum"] * file.header["e_phentsize"]
            header = bytearray(elf[: max(end, tables)])
            struct.pack_into("<Q", header, 0x28, 0)  # e_shoff
            struct.pack_into("<HHH", header, 0x3A, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    except ValueError as error:
        raise BuildError(f"a program is not an ELF file: {error}") from None
    return bytes(header)


def archive(
    files: Mapping[PurePosixPath, bytes],
    modes: Mapping[PurePosixPath, int],
    empty: Iterable[PurePosixPath] = (),
    links: Mapping[PurePosixPath, str] | None = None,
) -> bytes:
    """A tar archive of absolute paths; the same content gives the same bytes.

    It contains the folders of files and of symbolic links (path → target), and the folders in `empty`. The
    mode of folders is 0755; all entries belong to root.
    """
    links = links or {}
    folders = {parent for path in (*files, *links) for parent in path.parents}
    folders |= {folder for path in empty for folder in (path, *path.parents)}
    folders.discard(PurePosixPath("/"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted({*folders, *files, *links}):
            entry, content = tarfile.TarInfo(f".{path}"), b""
            entry.mtime = EPOCH_S
            if path in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            elif path in links:
                entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, links[path]
            else:
                content = files[path]
                entry.size, entry.mode = len(content), modes[path]
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _mke2fs(space: Workspace, tool: str, contents: Iterable[bytes], size_mib: int) -> list[Digest]:
    """Makes an image from each archive, in parallel; returns the digests of the stored images."""
    lines: list[str] = []
    with space.scratch() as folder:
        numbers: list[str] = []
        for number, content in enumerate(contents):
            (folder / f"{number}.tar").write_bytes(content)
            numbers.append(str(number))
        (folder / "numbers").write_text("\n".join(numbers))
        result = space.engine.run_tool(
            tool,
            [
                *("xargs", "-a", "/work/numbers", "-P", str(host.usable_cores()), "-I{}"),
                *("mke2fs", "-q", "-F", *FORMAT, "-U", UUID),
                *("-E", f"hash_seed={HASH_SEED},root_owner=0:0", "-d", "/work/{}.tar"),
                *("/work/{}.disk", f"{size_mib}M"),
            ],
            mounts=[Mount(folder, "/work", read_only=False)],
            env={"SOURCE_DATE_EPOCH": str(EPOCH_S)},
            network=False,
            on_line=lambda _stream, line: lines.append(line),
        )
        if result.status != 0:
            raise _failed("\n".join(lines), size_mib)
        with ThreadPoolExecutor(host.usable_cores()) as hashing:
            return list(
                hashing.map(partial(space.taken, Folder(folder)), [f"{each}.disk" for each in numbers])
            )


def _failed(text: str, size_mib: int) -> BuildError | MachineError | InfraError:
    if "Could not allocate block" in text or "Could not allocate inode" in text:
        return BuildError(
            f"the files do not fit on a disk of {size_mib} MiB: raise disk.size_mib", output=text
        )
    if "No space left on device" in text:
        return MachineError("no room to make the disk image", hint="make room in the cache's folder")
    return InfraError(f"mke2fs failed: {text}")
