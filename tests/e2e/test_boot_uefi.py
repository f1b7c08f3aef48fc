"""`doit boot_uefi_x86_64`: the kernel that the suite runs, booted once by UEFI firmware from a disk image."""

from __future__ import annotations

import hashlib
import re

import pytest
from checkout import Checkout

from parity.build import uefi
from parity.build.workspace import Workspace
from parity.report.terminal import Screen
from parity.run import suite_run
from parity.spec import tree

ARCH = "x86_64"
TASK = f"boot_uefi_{ARCH}"


@pytest.mark.docker
def test_the_same_kernel_boots_from_a_disk_image(here: Checkout) -> None:
    said = here.says(TASK)
    assert re.search(r"^init +x86_64 +pass .* PID 1 \(init\) ended with status 0", said, re.MULTILINE)
    image = (here.folder / "build" / "uefi" / ARCH / "disk.img").read_bytes()
    parts = {
        folder: (here.folder / "build" / folder / name).read_bytes()
        for folder, name in (("kernels/x86_64-testing", "kernel.elf"), ("disks/x86_64", "disk.img"))
    }
    # Files on a new file system lie in one piece.
    assert [folder for folder, content in parts.items() if content not in image] == []
    assert f"{uefi.title(ARCH)}: nothing changed" in here.says(f"why:{TASK}")

    # Made again, from nothing, it is the same.
    loaded = tree.load(here.folder / "trees" / "reference.yaml")
    space = Workspace(here.folder, here.cache, Screen())
    made = suite_run.built(space, loaded, ARCH)
    space.history.forget(uefi.title(ARCH))
    again = uefi.bootable(space, loaded, made)
    assert not space.history.forgotten(uefi.title(ARCH))
    assert again.outputs.kernel == made.kernel
    assert again.disk == hashlib.sha256(image).hexdigest()
