"""Containers of an owner, and waiting for what must come true."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.docker.engine import Engine
from parity.docker.owner import OWNER_LABEL, ROLE_LABEL, current_owner


def containers(docker: Engine) -> list[str]:
    """The ids of the containers of this engine's owner, ended ones included."""
    return [entry["Id"] for entry in Mine(docker, docker.owner.id).containers()]


@dataclass(frozen=True)
class Mine:
    """What Docker holds of one owner, and of the images that one test makes (by the label `unique`)."""

    docker: Engine
    owner: str
    unique: str = ""

    @classmethod
    def of(cls, docker: Engine, cache: Path, unique: str) -> Mine:
        """Of whoever uses the store in `cache`."""
        return cls(docker, current_owner(cache).id, unique)

    def containers(self) -> list[dict[str, Any]]:
        """The containers of commands, ended ones included, as Docker lists them."""
        return self._listed(f"{OWNER_LABEL}={self.owner}")

    def commands(self) -> list[str]:
        """What runs in them."""
        return [entry["Command"] for entry in self.containers() if entry["State"] == "running"]

    def lanes(self) -> int:
        """How many of them are lanes."""
        return sum(entry["Labels"].get(ROLE_LABEL) == "lane" for entry in self.containers())

    def builds(self) -> bool:
        """Whether a step of an image's build runs."""
        steps = self._listed(f"parity.test={self.unique}")  # containers of such an image have its label too
        return any(each["State"] == "running" and OWNER_LABEL not in each["Labels"] for each in steps)

    def left(self) -> list[str]:
        """What runs or lies about."""
        found = [*self.containers(), *self._listed(f"parity.test={self.unique}")]
        return sorted({f"{entry['State']} {entry['Command']}" for entry in found})

    def _listed(self, label: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.docker.client.api.containers(all=True, filters={"label": label})
        return listed


@contextlib.contextmanager
def killed_at_last(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is killed when the block ends, however it ends: an assertion waits for no process."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether something comes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
