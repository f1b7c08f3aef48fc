"""Whose container is it, and does its client still live?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.core import host

OWNER_LABEL, CLIENT_LABEL, ROLE_LABEL = "parity.docker.owner", "parity.client", "parity.role"


@dataclass(frozen=True)
class Owner:
    """Who made a container: ``id`` is stable per user and cache directory, ``client`` is this process."""

    id: str
    client: host.ProcessId

    def labels(self, role: str) -> dict[str, str]:
        """The labels of every container of this owner."""
        return {OWNER_LABEL: self.id, CLIENT_LABEL: str(self.client), ROLE_LABEL: role}


def current_owner(cache: Path | None = None) -> Owner:
    """The owner for the calling user and cache directory.

    The machine and the PID namespace are part of the identity, because a process number of another machine
    (or of another container) that shares the daemon says nothing about who is alive here.
    """
    machine = host.machine_id()
    namespace = Path("/proc/self/ns/pid").readlink()
    place = f"{os.getuid()}\0{os.path.realpath(cache or host.cache_dir())}\0{machine}\0{namespace}"
    return Owner(hashlib.sha256(place.encode()).hexdigest()[:16], host.this_process())


def stale(entry: Mapping[str, Any]) -> bool:
    """Whether a container of ours, as Docker lists it, has ended or has lost its client."""
    if entry["State"] in ("exited", "dead"):
        return True
    client = host.ProcessId.parse(entry["Labels"].get(CLIENT_LABEL, ""))
    return client is None or not client.alive()
