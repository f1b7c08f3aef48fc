"""Limits of the resources of a container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import docker.types

TMP = "/tmp"  # a folder in memory that every tool can write to
TMP_MIB = 2048  # at most


@dataclass(frozen=True)
class Limits:
    """The resources that a container can use; None: no limit.

    `memory_mib` includes tmpfs mounts, `pids` counts threads, `cpus` is a quota, and `file_mib` is the
    largest size of one written file.
    """

    memory_mib: int | None = None
    pids: int | None = None
    cpus: float | None = None
    file_mib: int | None = None

    def arguments(self) -> dict[str, Any]:
        """The same as arguments of the Docker SDK."""
        arguments: dict[str, Any] = {}
        if self.memory_mib is not None:
            arguments["mem_limit"] = arguments["memswap_limit"] = f"{self.memory_mib}m"
        if self.pids is not None:
            arguments["pids_limit"] = self.pids
        if self.cpus is not None:
            arguments["nano_cpus"] = int(self.cpus * 1e9)
        if self.file_mib is not None:
            size = self.file_mib * 2**20
            arguments["ulimits"] = [docker.types.Ulimit(name="fsize", soft=size, hard=size)]
        return arguments


def tmpfs_options(path: str, mib: int) -> str:
    """Docker's options for a folder in memory. Only in TMP can programs run: tests of crates do."""
    return f"size={mib}m,mode=1777,nosuid,nodev{',exec' if path == TMP else ''}"
