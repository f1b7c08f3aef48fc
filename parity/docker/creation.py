"""Notes on the disk of containers that are being created, so that a client's death leaves no container.

If a client dies, Docker still completes the container that the client requested, and Docker does not list the
container before it is complete. So a client chooses the container's name and writes a note of it before the
request. The next client that finds the note of a dead client creates and removes a container of that name.
Docker refuses a name that is used or reserved; so once this works, no late container can appear.
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
ASKED_S = 0.1  # between two attempts to remove it


@dataclass(frozen=True)
class Creations:
    """The notes of one owner below the store. Each has the container's name, its client and its image."""

    cache: Path
    owner: Owner

    @property
    def _prefix(self) -> str:
        """The prefix of all names. Other owners' processes are not visible, so their notes are skipped."""
        return f"parity-{self.owner.id}-"

    @contextlib.contextmanager
    def noted(self, image: str) -> Iterator[str]:
        """A name for a new container; its note exists until the block ends.

        Raises:
            MachineError: the note cannot be written.
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
        """The names in the notes of dead clients, and their images."""
        found = {}
        for place in sorted((self.cache / FOLDER).glob(f"{self._prefix}*")):
            try:
                note = json.loads(place.read_text(encoding="utf-8"))
                client, image = host.ProcessId.parse(str(note["client"])), str(note["image"])
            except FileNotFoundError:  # the container has just started
                continue
            except (OSError, ValueError, KeyError, TypeError):
                client, image = None, ""
            if client is None or not client.alive():
                found[place.name] = image
        return found

    def reap(self, client: docker.DockerClient) -> int:
        """Removes the containers of abandoned notes, even if Docker still creates them; their number.

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
    """Whether the name is free, so that Docker is not creating a container of that name."""
    try:
        container = client.api.create_container(image, ["true"], name=name)
    except docker.errors.APIError as error:
        return error.status_code != 409  # the image is gone, for example
    client.api.remove_container(container["Id"], force=True, v=True)
    return True
