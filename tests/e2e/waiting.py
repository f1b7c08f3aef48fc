"""Containers of an owner, and waiting for what must come true."""

from __future__ import annotations

import time
from collections.abc import Callable

from parity.engine import Engine
from parity.owner import OWNER_LABEL


def containers(docker: Engine) -> list[str]:
    """The ids of the containers of this engine's owner, ended ones included."""
    label = f"{OWNER_LABEL}={docker.owner.id}"
    return [entry["Id"] for entry in docker.client.api.containers(all=True, filters={"label": label})]


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
