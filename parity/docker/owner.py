"""The owner of a container, and whether its client is alive."""

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
    """The creator of containers: `id` stands for a user and cache directory, `client` for this process."""

    id: str
    client: host.ProcessId

    def labels(self, role: str) -> dict[str, str]:
        """The labels of every container of this owner."""
        return {OWNER_LABEL: self.id, CLIENT_LABEL: str(self.client), ROLE_LABEL: role}


def current_owner(cache: Path | None = None) -> Owner:
    """The owner for the calling user and cache directory.

    `id` also depends on the machine and the PID namespace: another machine or container that uses the same
    daemon has other processes with the same process ids.
    """
    machine = host.machine_id()
    namespace = Path("/proc/self/ns/pid").readlink()
    place = f"{os.getuid()}\0{os.path.realpath(cache or host.cache_dir())}\0{machine}\0{namespace}"
    return Owner(hashlib.sha256(place.encode()).hexdigest()[:16], host.this_process())


def stale(entry: Mapping[str, Any]) -> bool:
    """Whether a container of this owner, as listed by Docker, has ended or has a dead client."""
    if entry["State"] in ("exited", "dead"):
        return True
    client = host.ProcessId.parse(entry["Labels"].get(CLIENT_LABEL, ""))
    return client is None or not client.alive()
