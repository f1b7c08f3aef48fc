"""Tool images: Docker images with compilers and emulators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.docker import images
from tasks.session import current, group, task

ROLES = ("toolchain", "qemu")
RARE_ROLES = ("uefi", "mutants")  # only made by the tasks that need them, not by `doit images`


def task_images() -> Iterator[Any]:
    """Make missing tool images (compilers, QEMU)"""
    parts = {
        role: task(f"images:{role}", f"the tool image {role}", ensure, role, stages=[images.title(role)])
        for role in (*ROLES, *RARE_ROLES)
    }
    yield from group("images", str(task_images.__doc__), [parts[role] for role in ROLES])
    yield from (parts[role] for role in RARE_ROLES)


def ensure(role: str) -> None:
    """Makes a tool image if it is missing."""
    current().space.image(role)
