"""The outputs of the build stages of one architecture, for its guests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parity.judge.state import RunKind
from parity.spec.machine import Machine
from parity.store.store import Digest


@dataclass(frozen=True)
class BuildOutputs:
    """The inputs of all guests of one architecture, without their disks."""

    arch: str
    features: str  # the kernel's feature set
    kernel: Digest
    programs: Mapping[str, Digest]  # as loaded (see disk.py), as they are on disks
    machine: Machine
    firmware: Digest | None = None  # None: the machine has no firmware
    kind: RunKind = RunKind.PROGRAM  # what its guests do
