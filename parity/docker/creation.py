"""Containers that are being created, noted on the disk: of a client that dies meanwhile, one may come later.

Docker goes on creating a container whose client has died. A list of containers that is asked for in that
moment does not have it. So a client chooses the container's name, and notes it before it asks for the
container. The next client that finds the note of a dead one takes the name away: Docker refuses a name that
is taken or about to be, so afterwards the container is known not to come.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import docker.errors

from parity.core import host
from parity.docker.owner import Owner

FOLDER = "containers"
CREATED_S = 60.0  # for Docker to create a container
ASKED_S = 0.1  # between two questions whether it has


@dataclass(frozen=True)
class Creations:
    """The notes of one owner below the store. Each has the container's name, its client and its image."""

    cache: Path
    owner: Owner

    @property
    def _prefix(self) -> str:
        """Begins all names. Notes of other owners say nothing here: their processes are not ours to see."""
        return f"parity-{self.owner.id}-"

    @contextlib.contextmanager
    def noted(self, image: str) -> Iterator[str]:
        """A name for a new container, noted until the block ends.

        Raises:
            MachineError: it cannot be noted.
        """
        name = f"{self._prefix}{uuid.uuid4().hex}"
        place = self.cache / FOLDER / name
        note = {"client": str(self.owner.client), "image": image}
        host.write_whole(place, json.dumps(note).encode(), self.cache)
        try:
            yield name
        finally:
            place.unlink(missing_ok=True)

    def abandoned(self) -> dict[str, str]:
        """The names that dead clients have noted, and their images."""
        found = {}
        for place in sorted((self.cache / FOLDER).glob(f"{self._prefix}*")):
            try:
                note = json.loads(place.read_text(encoding="utf-8"))
                client, image = host.ProcessId.parse(str(note["client"])), str(note["image"])
            except FileNotFoundError:  # it has just been started
                continue
            except (OSError, ValueError, KeyError, TypeError):
                client, image = None, ""
            if client is None or not client.alive():
                found[place.name] = image
        return found

    def reap(self, client: docker.DockerClient) -> int:
        """Removes the containers of abandoned notes, or makes sure that they will not come; how many came.

        Raises:
            DockerException: the daemon does not answer.
        """
        came = 0
        for name, image in self.abandoned().items():
            deadline = time.monotonic() + CREATED_S
            while (removed := _removed(client, name)) is False and not _taken(client, name, image):
                if time.monotonic() > deadline:
                    break
                time.sleep(ASKED_S)
            came += removed
            (self.cache / FOLDER / name).unlink(missing_ok=True)
        return came


def _removed(client: docker.DockerClient, name: str) -> bool:
    try:
        client.api.remove_container(name, force=True, v=True)
    except docker.errors.NotFound:
        return False
    except docker.errors.APIError as error:
        return error.status_code == 409  # it is being removed
    return True


def _taken(client: docker.DockerClient, name: str, image: str) -> bool:
    """Whether the name could be taken, and so no container of that name is about to come."""
    try:
        container = client.api.create_container(image, ["true"], name=name)
    except docker.errors.APIError as error:
        return error.status_code != 409  # the image is gone, for example
    client.api.remove_container(container["Id"], force=True, v=True)
    return True
