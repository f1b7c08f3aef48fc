"""User programs and the disk image that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.build import cargo_build, disk
from parity.run import suite_run
from tasks.session import current, group, task


def task_userspace() -> Iterator[Any]:
    """Build the user programs: userspace:<architecture>"""
    parts = [
        task(
            f"userspace:{arch}",
            f"the user programs for {arch}",
            programs,
            arch,
            after=["images:toolchain"],
            stages=[f"userspace {arch}", f"programs as loaded {arch}"],
            outputs=[f"programs/{arch}"],
        )
        for arch in current().archs
    ]
    yield from group("userspace", str(task_userspace.__doc__), parts, outputs=["cargo/programs", "programs"])


def task_disk() -> Iterator[Any]:
    """Make the ext2 disk image with all programs: disk:<architecture>"""
    parts = [
        task(
            f"disk:{arch}",
            f"the disk image for {arch}",
            image,
            arch,
            after=[f"userspace:{arch}", "images:qemu"],
            stages=[f"disk {arch}"],
            outputs=[f"disks/{arch}"],
        )
        for arch in current().archs
    ]
    yield from group("disk", str(task_disk.__doc__), parts)


def programs(arch: str) -> None:
    """Builds or restores the programs, and copies them to build/ with their debug information."""
    session = current()
    suite_run.programs(session.space, session.tree, arch)
    session.shown(f"programs/{arch}", cargo_build.programs(session.space, session.tree, arch))


def image(arch: str) -> None:
    """Makes or restores the image, copies it to build/ and prints its path."""
    session = current()
    found = suite_run.programs(session.space, session.tree, arch)
    parts = disk.whole(session.space, session.tree, arch, found)
    session.shown(f"disks/{arch}", {"disk.img": parts})
