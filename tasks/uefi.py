"""Boots a disk image with the kernel by UEFI firmware, as on a real PC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.build import uefi
from parity.run import suite_run
from tasks import report, suite
from tasks.session import current, task


def task_boot_uefi() -> Iterator[Any]:
    """Boot a disk image with the same kernel by UEFI: boot_uefi_<architecture>"""
    session = current()
    for arch in session.archs:
        if arch in session.tree.run.uefi:
            yield task(
                f"boot_uefi_{arch}",
                f"Boot the same {arch} kernel from a disk image by UEFI firmware",
                boot,
                arch,
                after=[*suite.needs(session, arch, f"disk:{arch}"), f"images:{uefi.ROLE}"],
                stages=[uefi.title(arch)],
                outputs=[folder(arch)],
                guests=[arch],
            )


def folder(arch: str) -> str:
    """The folder of the image, below build/."""
    return f"uefi/{arch}"


def boot(arch: str) -> bool:
    """Makes or restores the image and always boots it once; returns whether PID 1 ended with status 0."""
    session = current()
    outputs = suite_run.built(session.space, session.tree, arch)
    found = uefi.bootable(session.space, session.tree, outputs)
    session.shown(folder(arch), {"disk.img": found.disk})
    guest = suite_run.boot(session.space, session.tree, found.outputs, found.disk)
    rows, _ = suite_run.boots(session.evidence_runner(), [guest], lanes=1)
    report.show_some(rows)
    for row in rows:
        if row.guest_s is not None and row.wall_s is not None:
            before_s = row.wall_s - row.guest_s
            session.screen.note(
                f"{before_s:.2f} s firmware, loader and emulator, {row.guest_s:.3f} s kernel and programs"
            )
    return report.as_expected(session, rows)
