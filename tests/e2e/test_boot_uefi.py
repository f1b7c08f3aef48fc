"""`doit boot_uefi_x86_64`: the kernel that the suite runs, booted once by UEFI firmware from a disk image."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from parity.build import uefi
from parity.build.workspace import Workspace
from parity.core import host
from parity.report.terminal import Screen
from parity.run import suite_run
from parity.spec import tree

ROOT = Path(__file__).parents[2]
DOIT = Path(sys.executable).parent / "doit"
ARCH = "x86_64"
TASK = f"boot_uefi_{ARCH}"


def says(*words: str) -> str:
    done = subprocess.run([str(DOIT), *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.docker
def test_the_same_kernel_boots_from_a_disk_image() -> None:
    said = says(TASK)
    assert re.search(r"^init +x86_64 +pass .* PID 1 \(init\) ended with status 0", said, re.MULTILINE)
    image = (ROOT / "build" / "uefi" / ARCH / "disk.img").read_bytes()
    parts = {
        folder: (ROOT / "build" / folder / name).read_bytes()
        for folder, name in (("kernels/x86_64-testing", "kernel.elf"), ("disks/x86_64", "disk.img"))
    }
    # Files on a new file system lie in one piece.
    assert [folder for folder, content in parts.items() if content not in image] == []
    assert f"{uefi.title(ARCH)}: nothing changed" in says(f"why:{TASK}")

    # Made again, from nothing, it is the same.
    loaded = tree.load(ROOT / "trees" / "reference.yaml")
    space = Workspace(ROOT, host.cache_dir(), Screen())
    made = suite_run.built(space, loaded, ARCH)
    space.history.forget(uefi.title(ARCH))
    again = uefi.bootable(space, loaded, made)
    assert not space.history.forgotten(uefi.title(ARCH))
    assert again.outputs.kernel == made.kernel
    assert again.disk == hashlib.sha256(image).hexdigest()
