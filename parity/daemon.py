"""The Docker daemon: reaching it, and what its refusals mean to a user."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import requests

from parity.errors import MachineError

MINIMUM_API = (1, 41)  # Docker Engine 20.10
_TIMEOUT_S = 300  # for one answer of the daemon; an import of a large image takes a minute on a slow disk


def reach() -> docker.DockerClient:
    """A client of the daemon of DOCKER_HOST, or of the current Docker context, or of this machine.

    Raises MachineError, with what to do about it.
    """
    try:
        context = docker.ContextAPI.get_current_context()
        address = os.environ.get("DOCKER_HOST") or context.Host or ""
        if address.startswith("unix://") and not Path(address.removeprefix("unix://")).exists():
            raise unreachable(FileNotFoundError(address))
        if os.environ.get("DOCKER_HOST"):
            client = docker.from_env(timeout=_TIMEOUT_S)
        else:
            client = docker.DockerClient(base_url=address or None, tls=context.TLSConfig, timeout=_TIMEOUT_S)
        version = tuple(int(part) for part in client.version()["ApiVersion"].split("."))
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise unreachable(error) from error
    if version < MINIMUM_API:
        raise MachineError(
            f"Docker is too old: its API is {version[0]}.{version[1]}, needed is 1.41",
            "Install Docker Engine 20.10 or newer.",
        )
    return client


def unreachable(error: Exception) -> MachineError:
    """The one message for a daemon that cannot be reached."""
    text = f"{type(error).__name__}: {error}"
    if "PermissionError" in text or "Permission denied" in text:
        return MachineError(
            "Docker is running, but you may not use it",
            f'Join its group (sudo usermod -aG docker "$USER"), log in again, and try again. ({text})',
        )
    if "FileNotFoundError" in text:
        advice = (
            "Start it (sudo systemctl start docker)."
            if shutil.which("dockerd") or shutil.which("docker")
            else "Install Docker Engine 20.10 or newer (Debian and Ubuntu: sudo apt-get install docker.io)."
        )
        return MachineError("Docker is not running here", f"{advice} ({text})")
    return MachineError("Docker does not answer", f"Is it running (docker version)? ({text})")


@contextlib.contextmanager
def daemon_errors(doing: str, *, api: bool = True) -> Iterator[None]:
    """Turn what the docker SDK raises into MachineError. ``api=False`` lets the daemon's refusals through."""
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise MachineError(
            f"cannot {doing}: {error.explanation}", "Make the tool images: doit images"
        ) from error
    except docker.errors.APIError as error:
        if not api:
            raise
        text = str(error.explanation or error)
        if "no space left" in text.lower():
            raise MachineError(f"cannot {doing}: the disk of Docker is full", text) from error
        raise MachineError(f"cannot {doing}: {text}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise MachineError(f"cannot {doing}: Docker does not answer", str(error)) from error
