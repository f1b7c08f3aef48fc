"""Makes a disk image from which UEFI firmware boots a kernel; the same inputs give the same bytes.

The image is one FAT file system, as on a USB stick: GRUB where the firmware looks for it, the kernel's ELF
file, and the disk with the programs, which GRUB loads into memory. GRUB's commands, with the kernel's command
line, are built into GRUB.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from parity.build import disk
from parity.build.beneath import Folder
from parity.build.outputs import BuildOutputs
from parity.build.workspace import Workspace
from parity.core import code_digest
from parity.core.errors import InfraError, MachineError
from parity.docker.engine import Mount
from parity.spec import machine
from parity.spec.machine import Uefi
from parity.spec.tree import Tree
from parity.store.store import Digest, Outputs

ROLE = "uefi"
TOOLS = (
    "grub-common",
    "grub-efi-amd64-bin",
    "mtools",
    "ovmf",
)  # packages of the tool image whose versions matter
MIB = 2**20
SPARE_MIB = 2  # for GRUB and the tables of the file system, in addition to 1 % of the content
SERIAL = "70617269"
EPOCH_S = 315_532_800  # 1980-01-01, the oldest time that FAT can store
RECIPE = code_digest.of(["parity.build.uefi"])

SCRIPT = """
cd /work
grub-mkimage --format="$GRUB" --prefix=/ --config=commands --output=grub fat multiboot2
mformat -C -i disk -T "$SECTORS" -N "$SERIAL" ::
mmd -i disk $FOLDERS
mcopy -i disk grub "::$BOOT_FILE"
mcopy -i disk /in/kernel ::kernel
mcopy -i disk /in/disk ::disk
cp "$FIRMWARE" firmware
"""


@dataclass(frozen=True)
class Bootable:
    """A kernel on its machine with firmware, and the image with kernel and programs."""

    outputs: BuildOutputs
    disk: Digest


def title(arch: str) -> str:
    """The image's name in messages."""
    return f"UEFI disk {arch}"


def bootable(space: Workspace, tree: Tree, outputs: BuildOutputs) -> Bootable:
    """The image, made or restored, and its machine with firmware.

    Raises:
        UserError: the machine profile has a mistake or no firmware.
        MachineError: Docker does not work, or the disk is full.
    """
    profile = machine.load(space.root / "machines" / f"{tree.run.uefi[outputs.arch]}.yaml")
    uefi = machine.firmware_of(profile)
    content = {"kernel": outputs.kernel, "disk": disk.whole(space, tree, outputs.arch, outputs.programs)}
    line = tree.command_line(tree.run.boot_program)
    packages = space.image(ROLE).packages
    inputs = {
        **content,
        "command_line": line,
        "uefi": {"firmware": uefi.firmware, "grub": uefi.grub, "boot_file": uefi.boot_file},
        "tools": {name: packages[name] for name in TOOLS},
        "recipe": RECIPE,
    }
    found = space.cached_stage(
        "uefi", title(outputs.arch), inputs, lambda: _image(space, uefi, content, commands(line))
    ).files
    return Bootable(replace(outputs, machine=profile, firmware=found["firmware"]), found["disk"])


def commands(command_line: str) -> str:
    """GRUB's commands: load the kernel with this command line, load the disk image, and boot."""
    words = " ".join(shlex.quote(word) for word in command_line.split())
    return f"multiboot2 /kernel {words}\nmodule2 /disk\nboot\n"


def size_mib(content_bytes: int) -> int:
    """The size of an image with this many bytes of files."""
    return SPARE_MIB + -(-content_bytes * 101 // (100 * MIB))


def folders(path: str) -> list[str]:
    """The folders that contain a path, the outermost first."""
    return [str(folder) for folder in reversed(PurePosixPath(path).parents[:-1])]


def _image(space: Workspace, uefi: Uefi, content: dict[str, Digest], grub: str) -> Outputs:
    files = {name: space.store.local(digest) for name, digest in content.items()}
    size = size_mib(sum(path.stat().st_size for path in files.values()))
    lines: list[str] = []
    with space.scratch() as folder:
        (folder / "commands").write_text(grub)
        result = space.engine.run_tool(
            space.image(ROLE).id,
            ["sh", "-euc", SCRIPT],
            mounts=[
                Mount(folder, "/work", read_only=False),
                *(Mount(path, f"/in/{name}") for name, path in files.items()),
            ],
            env={
                "GRUB": uefi.grub,
                "BOOT_FILE": uefi.boot_file,
                "FOLDERS": " ".join(f"::{folder}" for folder in folders(uefi.boot_file)),
                "FIRMWARE": uefi.firmware,
                "SECTORS": str(size * MIB // 512),
                "SERIAL": SERIAL,
                "SOURCE_DATE_EPOCH": str(EPOCH_S),
                "TZ": "UTC",
            },
            on_line=lambda _stream, line: lines.append(line),
        )
        if result.status != 0:
            raise _failed("\n".join(lines))
        return Outputs({name: space.taken(Folder(folder), name) for name in ("disk", "firmware")})


def _failed(text: str) -> MachineError | InfraError:
    if "No space left on device" in text:
        return MachineError("no room to make the UEFI disk image", hint="make room in the cache's folder")
    return InfraError(f"the UEFI disk image could not be made: {text}")
