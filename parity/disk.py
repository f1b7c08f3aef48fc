"""The ext2 image: the same bytes for the same content, made without root and without a mount.

`mke2fs -d` fills the image from a tar archive that fixes owner, mode, time and order; UUID, hash seed and
clock are fixed as well (e2fsprogs 1.47.1 or later honours SOURCE_DATE_EPOCH).
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from parity.engine import Mount
from parity.errors import BuildError, InfraError, MachineError, UserError
from parity.store import Digest, Outputs
from parity.tree import Tree
from parity.workspace import Workspace
from parity.yamlfile import nearest

UUID = "70617269-7479-4d65-8000-000000000001"
HASH_SEED = "70617269-7479-4d65-8000-000000000002"
BLOCK_BYTES = 1024
EPOCH_S = 0


def image(space: Workspace, tree: Tree, arch: str, programs: Mapping[str, Digest]) -> Digest:
    """The disk image with the given programs (name → ELF in the store) and the tree's files.

    Raises:
        BuildError: the content does not fit the size that the tree's YAML gives.
        MachineError: no Docker, no room.
        UserError: `disk.copies` names a program that there is not.
    """
    tool = space.image("qemu")
    inputs = {
        "programs": dict(programs),
        "files": {str(path): content.hex() for path, content in tree.disk.files.items()},
        "folders": sorted(map(str, tree.disk.folders)),
        "folder": str(tree.disk.programs),
        "copies": {str(path): name for path, name in tree.disk.copies.items()},
        "size_mib": tree.disk.size_mib,
        "mke2fs": tool.packages["e2fsprogs"],
    }

    def make() -> Outputs:
        files = dict(tree.disk.files)
        modes = dict.fromkeys(files, 0o644)
        for path, elf in places(tree, programs).items():
            files[path] = loadable(space.store.read(elf))
            modes[path] = 0o755
        return Outputs(
            {"disk": _mke2fs(space, tool.id, archive(files, modes, tree.disk.folders), tree.disk.size_mib)}
        )

    return space.kept("disk", f"disk {arch}", inputs, make).files["disk"]


def places(tree: Tree, programs: Mapping[str, Digest]) -> dict[PurePosixPath, Digest]:
    """Every program where it belongs, and a second time where `disk.copies` says.

    Raises:
        UserError: there is no such program to copy.
    """
    places = {tree.disk.programs / name: elf for name, elf in programs.items()}
    for path, name in tree.disk.copies.items():
        if name not in programs:
            raise UserError(f"disk.copies: no program {name!r} for {path}; {nearest(name, programs)}")
        places[path] = programs[name]
    return places


def loadable(elf: bytes) -> bytes:
    """An ELF file cut down to what a loader reads: headers and segments, no sections, no debug information.

    So a change of a comment, which moves line numbers, does not change the disk.

    Raises:
        BuildError: not an ELF64 file.
    """
    try:
        file = ELFFile(io.BytesIO(elf))
        end = max(segment["p_offset"] + segment["p_filesz"] for segment in file.iter_segments())
    except (ELFError, ValueError) as error:
        raise BuildError(f"a program is not an ELF file: {error}") from None
    tables = file.header["e_phoff"] + file.header["e_phnum"] * file.header["e_phentsize"]
    kept = bytearray(elf[: max(end, tables)])
    struct.pack_into("<Q", kept, 0x28, 0)  # e_shoff
    struct.pack_into("<HHH", kept, 0x3A, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    return bytes(kept)


def archive(
    files: Mapping[PurePosixPath, bytes],
    modes: Mapping[PurePosixPath, int],
    empty: Iterable[PurePosixPath] = (),
) -> bytes:
    """A tar archive of absolute paths, the same bytes for the same content; folders are 0755, all root's.

    The folders of the files are in it, and those that may be `empty`.
    """
    folders = {parent for path in files for parent in path.parents}
    folders |= {folder for path in empty for folder in (path, *path.parents)}
    folders.discard(PurePosixPath("/"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folders | set(files)):
            entry = tarfile.TarInfo(f".{path}")
            entry.mtime = EPOCH_S
            if path in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            else:
                entry.size, entry.mode = len(files[path]), modes[path]
                tar.addfile(entry, io.BytesIO(files[path]))
    return buffer.getvalue()


def _mke2fs(space: Workspace, tool: str, content: bytes, size_mib: int) -> Digest:
    """Formats and fills an image; its digest in the store."""
    lines: list[str] = []
    with space.scratch() as folder:
        (folder / "content.tar").write_bytes(content)
        result = space.engine.run_tool(
            tool,
            [
                *("mke2fs", "-q", "-F", "-t", "ext2", "-b", str(BLOCK_BYTES), "-m", "0", "-U", UUID),
                *("-E", f"hash_seed={HASH_SEED},root_owner=0:0", "-d", "/work/content.tar"),
                *("/work/disk", f"{size_mib}M"),
            ],
            mounts=[Mount(folder, "/work", read_only=False)],
            env={"SOURCE_DATE_EPOCH": str(EPOCH_S)},
            network=False,
            on_line=lambda _stream, line: lines.append(line),
        )
        if result.status != 0:
            raise _failed("\n".join(lines), size_mib)
        return space.store.put(folder / "disk")


def _failed(text: str, size_mib: int) -> BuildError | MachineError | InfraError:
    if "Could not allocate block" in text or "Could not allocate inode" in text:
        return BuildError(
            f"the files do not fit on a disk of {size_mib} MiB: raise disk.size_mib", output=text
        )
    if "No space left on device" in text:
        return MachineError("no room to make the disk image", hint="make room in the cache's folder")
    return InfraError(f"mke2fs failed: {text}")
