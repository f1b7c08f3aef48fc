"""Tool images: compilers and emulators in Docker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.docker import images
from tasks.session import current, group, task

ROLES = ("toolchain", "qemu")
RARE_ROLES = ("uefi", "mutants")  # made for the tasks that need them, and not by `doit images`


def task_images() -> Iterator[Any]:
    """Make the tool images (compilers, QEMU) where they are missing"""
    parts = {
        role: task(f"images:{role}", f"the tool image {role}", ensure, role, stages=[images.title(role)])
        for role in (*ROLES, *RARE_ROLES)
    }
    yield from group("images", str(task_images.__doc__), [parts[role] for role in ROLES])
    yield from (parts[role] for role in RARE_ROLES)


def ensure(role: str) -> None:
    """Makes one image, or finds it."""
    current().space.image(role)
