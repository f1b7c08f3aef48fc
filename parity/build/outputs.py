"""The outputs of the build stages of one architecture, for its guests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from parity.judge.state import RunKind
from parity.spec.machine import Machine
from parity.store.store import Digest


@dataclass(frozen=True)
class BuildOutputs:
    """What guests of one architecture are made of, without their disks."""

    arch: str
    features: str  # the kernel's feature set
    kernel: Digest
    programs: Mapping[str, Digest]  # as loaded: what is on disks
    machine: Machine
    firmware: Digest | None = None  # of a machine that has one
    kind: RunKind = RunKind.PROGRAM  # what its guests do
