"""The Docker daemon: the connection to it, and messages for users about its errors."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.tls
import docker.utils
import requests

from parity.core.errors import MachineError, ParityError, UserError

MINIMUM_API = (1, 41)  # Docker Engine 20.10
TIMEOUT_S = 300  # for one answer of the daemon; starting a container on a slow disk takes many seconds
DEFAULT, DEFAULT_SOCKET = "default", "unix:///var/run/docker.sock"  # of the docker command


def reach() -> docker.DockerClient:
    """A client of the daemon that the docker command uses.

    The daemon is that of DOCKER_HOST, else of DOCKER_CONTEXT, else of the context that `docker context use`
    has chosen, else of this machine.

    Raises:
        MachineError: the daemon cannot be reached; the hint says what to do.
        UserError: the context does not exist.
    """
    try:
        client = docker.DockerClient(**_address(), timeout=TIMEOUT_S)
        version = tuple(int(part) for part in client.version()["ApiVersion"].split("."))
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise unreachable(error) from error
    if version < MINIMUM_API:
        raise MachineError(
            f"Docker is too old: its API is {version[0]}.{version[1]}, needed is 1.41",
            "Install Docker Engine 20.10 or newer.",
        )
    return client


def _address() -> dict[str, Any]:
    """The arguments of a client for the daemon that was chosen."""
    if os.environ.get("DOCKER_HOST"):
        address: dict[str, Any] = dict(docker.utils.kwargs_from_env())
    else:
        name, where = _context_name()
        address = {} if name == DEFAULT else _of_context(name, where)
    _must_exist(address.get("base_url", DEFAULT_SOCKET))
    return address


def _must_exist(url: str) -> None:
    """Raises MachineError for a socket that does not exist."""
    if url.startswith("unix://") and not Path("/" + url.removeprefix("unix://").lstrip("/")).exists():
        raise unreachable(FileNotFoundError(url))


def _config_folder() -> Path:
    if chosen := os.environ.get("DOCKER_CONFIG"):
        return Path(chosen)
    try:
        return Path.home() / ".docker"
    except RuntimeError:  # HOME is not set and the user has no entry
        return Path("/nonexistent")


def _context_name() -> tuple[str, str]:
    """The chosen context, and the variable or file that chooses it."""
    if chosen := os.environ.get("DOCKER_CONTEXT"):
        return chosen, "DOCKER_CONTEXT"
    file = _config_folder() / "config.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8")).get("currentContext") or DEFAULT), str(file)
    except (OSError, ValueError, AttributeError):  # the docker command ignores this as well
        return DEFAULT, str(file)


def _of_context(name: str, where: str) -> dict[str, Any]:
    """The arguments of a client for a context's daemon, from the files of `docker context create`."""
    key = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
    file = _config_folder() / "contexts" / "meta" / key / "meta.json"
    try:
        endpoint = json.loads(file.read_text(encoding="utf-8"))["Endpoints"]["docker"]
        url, insecure = str(endpoint["Host"]), bool(endpoint.get("SkipTLSVerify"))
    except FileNotFoundError:
        hint = "List the contexts: docker context ls"
        raise UserError(f"there is no Docker context {name!r}, which {where} names", hint) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(f"the Docker context {name!r} cannot be read: {file}: {error}") from None
    tls = _certificates(_config_folder() / "contexts" / "tls" / key / "docker", verify=not insecure)
    return {"base_url": url, **({"tls": tls} if tls else {})}


def _certificates(folder: Path, *, verify: bool) -> docker.tls.TLSConfig | None:
    authority, certificate, key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
    if not folder.is_dir():
        return None
    pair = (str(certificate), str(key)) if certificate.exists() and key.exists() else None
    return docker.tls.TLSConfig(
        client_cert=pair, ca_cert=str(authority) if authority.exists() else None, verify=verify
    )


def unreachable(error: Exception) -> MachineError:
    """The error for a daemon that cannot be reached."""
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


def other_files(folder: str) -> MachineError:
    """The error for a daemon that does not see this machine's files, such as a remote one."""
    return MachineError(
        f"the Docker daemon does not see the files of this machine: {folder}",
        "Parity mounts its folders into containers. Use a daemon of this machine (DOCKER_HOST,"
        " DOCKER_CONTEXT, docker context ls). If Parity runs in a container, mount these folders there"
        " under the same paths.",
    )


def known_error(error: BaseException) -> ParityError | None:
    """The message for a user about an error of the docker SDK; None for any other error."""
    if isinstance(error, docker.errors.DockerException | requests.RequestException):
        return MachineError("Docker does not answer as it should", str(error) or type(error).__name__)
    return None


@contextlib.contextmanager
def daemon_errors(doing: str, *, api: bool = True) -> Iterator[None]:
    """Turns errors of the docker SDK into MachineError; with `api=False`, the daemon's API errors pass."""
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
        if "bind source path does not exist" in text:
            raise other_files(text.rpartition(": ")[2]) from error
        raise MachineError(f"cannot {doing}: {text}") from error
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise MachineError(f"cannot {doing}: Docker does not answer", str(error)) from error
