"""Kernel builds: one task per architecture and feature set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.build import cargo_build
from tasks.session import current, group, task


def task_build_kernel() -> Iterator[Any]:
    """Build the kernel: build_kernel:<architecture>-<feature set>"""
    session = current()
    parts = [
        task(
            name(arch, features),
            f"the kernel for {arch}, features {features}",
            make,
            arch,
            features,
            after=["images:toolchain"],
            stages=[f"kernel {arch}-{features}"],
            outputs=[folder(arch, features)],
        )
        for arch in session.archs
        for features in session.tree.feature_sets
    ]
    outputs = ["cargo/kernel", "kernels"]
    yield from group("build_kernel", str(task_build_kernel.__doc__), parts, outputs=outputs)


def name(arch: str, features: str) -> str:
    """The name of the task that builds this kernel."""
    return f"build_kernel:{arch}-{features}"


def folder(arch: str, features: str) -> str:
    """The folder of this kernel's ELF file, below build/."""
    return f"kernels/{arch}-{features}"


def make(arch: str, features: str) -> None:
    """Builds or restores the kernel, copies it to build/ and prints its path."""
    session = current()
    kernel = cargo_build.kernel(session.space, session.tree, arch, features)
    session.shown(folder(arch, features), {"kernel.elf": kernel.elf})
