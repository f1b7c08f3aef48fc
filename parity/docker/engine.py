"""Containers and images of the Docker daemon.

Every container is created, attached and started, in that order. Only with this order does Docker bind the
container's standard input to the client (StdinOnce), so that the input closes when the client dies, even by
SIGKILL. In the container, PID 1 waits for this end of input: a small shell for tools, the supervisor for
lanes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.types
import requests
import tenacity
from docker.models.containers import Container

from parity.core import host
from parity.core.cancellation import CANCELLATION
from parity.core.errors import MachineError
from parity.docker import daemon
from parity.docker.attached import Attached as Attached
from parity.docker.attached import Stream, split_lines
from parity.docker.creation import Creations
from parity.docker.daemon import daemon_errors
from parity.docker.guard import Guard, Watch
from parity.docker.limits import TMP, TMP_MIB, tmpfs_options
from parity.docker.limits import Limits as Limits
from parity.docker.owner import OWNER_LABEL, Owner, current_owner, stale

OnLine = Callable[[Stream, str], None]
TOOL_S = 600.0  # deadline of a tool, unless its caller gives another
REMOVED_S = 120.0  # from the end of a container's output to its removal
BUILD_S = 3600.0  # between two messages of an image's build: a mirror may be slow
PULL_S = 600.0  # between two messages of a registry
IMPORT_S = 1800.0  # to import a file system
UNTRUSTED_USER = 65_533  # runs untrusted code if the caller is root

# PID 1 of a tool's container. It ends with the command, or when the client dies, which closes the input. Then
# the kernel kills all other processes in the container.
_TOOL_PID1 = """
exec 3<&0
"$@" </dev/null 3<&- &
tool=$!
{ cat <&3 >/dev/null; kill -KILL "$tool"; } 2>/dev/null &
exec 3<&-
wait "$tool"
"""


@dataclass(frozen=True)
class Mount:
    """A host file or directory shown inside a container."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class ToolResult:
    """How a tool ended: exit status (128 + signal when killed), wall time."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Engine:
    """A Docker daemon, and the owner of the containers that Parity creates with it."""

    client: docker.DockerClient = field(repr=False)
    owner: Owner
    creations: Creations

    def start_attached(
        self,
        image: str,
        argv: Sequence[str],
        *,
        role: str,
        limits: Limits,
        mounts: Sequence[Mount] = (),
        tmpfs_mib: Mapping[str, int] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        workdir: str | None = None,
        network: bool = False,
    ) -> Attached:
        """Starts `argv` in a new container, which is removed at its end. Its input closes if we die.

        The container has no capabilities, no new privileges, a read-only root file system and no log. `user`
        ("uid:gid") defaults to the image's. `tmpfs_mib` maps paths of folders in memory, which every user can
        write, to sizes in MiB.

        Raises:
            MachineError: the daemon refuses.
        """
        container = None
        try:
            with (
                daemon_errors("start a container"),
                self.creations.noted(image) as name,
            ):
                container = self.client.containers.create(
                    image,
                    entrypoint=list(argv),
                    command=[],
                    name=name,
                    labels=self.owner.labels(role),
                    auto_remove=True,
                    stdin_open=True,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges"],
                    log_config=docker.types.LogConfig(type="none"),
                    network_mode="bridge" if network else "none",
                    read_only=True,
                    mounts=[
                        docker.types.Mount(
                            m.target, str(m.source.absolute()), type="bind", read_only=m.read_only
                        )
                        for m in mounts
                    ],
                    tmpfs={path: tmpfs_options(path, mib) for path, mib in (tmpfs_mib or {}).items()},
                    environment=dict(env or {}),
                    user=user,
                    working_dir=workdir,
                    **limits.arguments(),
                )
                return self._attach_and_start(container)
        except BaseException:
            if container is not None:
                self._discard(container)
            raise

    def run_tool(
        self,
        image: str,
        argv: Sequence[str],
        *,
        mounts: Sequence[Mount] = (),
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        workdir: str | None = None,
        network: bool = False,
        on_line: OnLine | None = None,
        timeout_s: float = TOOL_S,
        limits: Limits | None = None,
        tmpfs_mib: Mapping[str, int] | None = None,
        watch: Watch | None = None,
    ) -> ToolResult:
        """Runs one command to its end and gives every line of its output, without line feed, to `on_line`.

        It runs as the calling user unless `user` says otherwise, so that files in writable mounts are the
        caller's. A status other than 0 raises nothing.

        Raises:
            MachineError: the daemon refuses or dies, or the command does not end in time.
            ParityError: the error that `watch` returned.
        """
        started = time.monotonic()
        attached = self.start_attached(
            image,
            ["/bin/sh", "-c", _TOOL_PID1, "tool", *argv],
            role="tool",
            limits=limits or Limits(),
            mounts=mounts,
            tmpfs_mib={TMP: TMP_MIB, **(tmpfs_mib or {})},
            env={"HOME": TMP, **(env or {})},
            user=user or self.calling_user(),
            workdir=workdir,
            network=network,
        )
        guard = Guard(attached, " ".join(argv[:2]), timeout_s, watch)
        try:
            with CANCELLATION.on_request(attached.hang_up):
                for stream, guard.last in split_lines(attached.frames()):
                    if on_line is not None:
                        on_line(stream, guard.last)
                status = None if guard.error or CANCELLATION.requested else attached.wait(REMOVED_S)
        finally:
            guard.end()
            attached.close(grace_s=0)
        CANCELLATION.check()
        if guard.error:
            raise guard.error
        if status is None:
            raise MachineError(f"Docker has not removed a container of {argv[0]} within {REMOVED_S:g} s")
        return ToolResult(status, time.monotonic() - started)

    def calling_user(self) -> str:
        """The "uid:gid" of the caller in a container; a rootless daemon maps root to the caller."""
        if self.rootless():
            return "0:0"
        return f"{os.getuid()}:{os.getgid()}"

    def untrusted_user(self) -> str:
        """The "uid:gid" for untrusted code: never root of this machine."""
        user = self.calling_user()
        return f"{UNTRUSTED_USER}:{UNTRUSTED_USER}" if user == "0:0" and not self.rootless() else user

    def execute(self, container_id: str, argv: Sequence[str]) -> int | None:
        """Runs one more command in a running container, as its user; the command's exit status."""
        with daemon_errors("run a command in a container"):
            return self.client.containers.get(container_id).exec_run(list(argv)).exit_code

    def facts(self) -> dict[str, Any]:
        """The daemon's facts about itself and its machine (`docker info`)."""
        with daemon_errors("ask for Docker's settings"):
            return dict(self.client.info())

    def rootless(self) -> bool:
        """Whether the daemon runs without root's rights."""
        return any("rootless" in option for option in self.facts().get("SecurityOptions") or [])

    def architecture(self) -> str:
        """The daemon's processor architecture, as Go names it (amd64, arm64)."""
        with daemon_errors("ask for Docker's version"):
            return str(self.client.version()["Arch"])

    def find_image(self, tag: str) -> str | None:
        """The id of an image by its name, or None. Pulls nothing."""
        with daemon_errors("look for an image"):
            try:
                return str(self.client.images.get(tag).id)
            except docker.errors.ImageNotFound:
                return None

    def build_image(
        self,
        context: bytes,
        *,
        tag: str,
        arguments: Mapping[str, str],
        on_line: Callable[[str], None],
        cached: bool = True,
    ) -> str | None:
        """Builds a tar archive with a Dockerfile; the image's id, or None if a step failed (see the lines).

        `cached`: results of earlier steps are used. The image gets its tag when it is complete. The daemon
        stops the build when its client disconnects.
        """
        build = partial(
            self.client.api.build,
            fileobj=io.BytesIO(context),
            custom_context=True,
            tag=tag,
            buildargs=dict(arguments),
            nocache=not cached,
            rm=True,
            forcerm=True,
            decode=True,
        )
        with daemon_errors("build an image"):
            failed = False
            for message in CANCELLATION.each(build, "build an image", BUILD_S):
                failed = failed or "error" in message
                for line in str(message.get("stream") or message.get("error") or "").splitlines():
                    if line.strip():
                        on_line(line.strip())
        return None if failed else self.find_image(tag)

    def import_image(self, tar: Path, *, tag: str, labels: Mapping[str, str]) -> str:
        """Makes an image of one layer from the tar archive of a file system; its id."""
        name, _, version = tag.rpartition(":")
        changes = [f"LABEL {key}={value}" for key, value in labels.items()]
        with daemon_errors("import an image"):
            take = partial(self.client.api.import_image_from_file, str(tar), name, version, changes)
            answer = CANCELLATION.result(take, "import an image", IMPORT_S)
        return str(json.loads(answer)["status"])

    def pull_image(self, tag: str, on_line: Callable[[str], None]) -> str:
        """Pulls an image; its id.

        Raises:
            MachineError: the registry does not deliver.
        """
        name, _, version = tag.rpartition(":")
        with daemon_errors(f"pull {tag}"):
            pull = partial(self.client.api.pull, name, tag=version, stream=True, decode=True)
            for message in CANCELLATION.each(pull, f"pull {tag}", PULL_S):
                if "error" in message:
                    raise MachineError(f"cannot pull {tag}: {message['error']}")
                on_line(str(message.get("status", "")))
            return str(self.client.images.get(tag).id)

    def remove_tag(self, tag: str) -> None:
        """Removes an image's name, and the image if nothing else is made of it."""
        with daemon_errors(f"remove {tag}"), contextlib.suppress(docker.errors.ImageNotFound):
            self.client.api.remove_image(tag, noprune=True)

    def registry_answers(self, tag: str, timeout_s: float) -> bool:
        """Whether the daemon can get this image from its registry."""
        # In a closed network there may be no answer, not even a refusal.
        api = self.client.api
        try:
            return _ask(api, f"{api.base_url}/v{api.api_version}/distribution/{tag}/json", timeout_s) == 200
        except requests.RequestException:
            return False

    def reap(self) -> int:
        """Removes this owner's containers that ended, or whose client is dead; returns how many.

        A container that was created but not started is removed only if its client is dead, because a living
        client will start it. If Docker still creates a container for a dead client, this waits for it.
        Containers of other owners are not touched.

        Raises:
            MachineError: Docker does not answer.
        """
        with daemon_errors("remove containers that were being created"):
            came = self.creations.reap(self.client)
        with daemon_errors("list containers"):
            found = self.client.api.containers(all=True, filters={"label": f"{OWNER_LABEL}={self.owner.id}"})
        ended = [entry["Id"] for entry in found if stale(entry)]
        for container_id in ended:
            # Already removed, or being removed (409).
            with contextlib.suppress(docker.errors.APIError), daemon_errors("remove a container", api=False):
                self.client.api.remove_container(container_id, force=True, v=True)
        return len(ended) + came

    def _attach_and_start(self, container: Container) -> Attached:
        api = self.client.api
        connection = api.attach_socket(
            str(container.id), params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        )
        # The daemon sends the headers of the answer when it waits, the body when the container is removed.
        # The request precedes the start, because a short command could otherwise end unnoticed.
        waiting = api.post(
            f"{api.base_url}/v{api.api_version}/containers/{container.id}/wait",
            params={"condition": "removed"},
            stream=True,
            timeout=daemon.TIMEOUT_S,
        )
        waiting.raise_for_status()
        # The deadline was for the headers; the body comes when the container ends.
        api._disable_socket_timeout(api._get_raw_response_socket(waiting))  # type: ignore[attr-defined]
        container.start()
        return Attached(container, connection, waiting)

    def _discard(self, container: Container) -> None:
        with contextlib.suppress(docker.errors.APIError, requests.RequestException):
            container.remove(force=True, v=True)


def connect(cache: Path | None = None) -> Engine:
    """Connects to the Docker daemon of DOCKER_HOST, else of the Docker context, else of this machine.

    Raises:
        MachineError: Docker is absent, stopped, closed to this user or older than Engine 20.10; the hint
            says what to do.
    """
    owner = current_owner(cache)
    return Engine(daemon.reach(), owner, Creations(cache or host.cache_dir(), owner))


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda status: status >= 500),
    stop=tenacity.stop_after_attempt(2),
    wait=tenacity.wait_fixed(0.5),
    retry_error_callback=lambda _: 500,
)
def _ask(api: docker.APIClient, address: str, timeout_s: float) -> int:
    """The HTTP status of the daemon's answer; repeats the request once after a server error."""
    return api.get(address, timeout=timeout_s).status_code
