"""Containers: the one place that talks to Docker.

Every container is created, attached, then started, in that order: only so does Docker mark its standard input
as belonging to the attached client (StdinOnce), and a client that dies, however it dies, closes that input.
Inside, somebody waits for that end: a small shell as PID 1 for tools, the supervisor for lanes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import threading
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

from parity.core.cancellation import CANCELLATION
from parity.core.errors import MachineError
from parity.docker import daemon
from parity.docker.attached import Attached as Attached
from parity.docker.attached import Stream, split_lines
from parity.docker.daemon import daemon_errors
from parity.docker.owner import OWNER_LABEL, Owner, current_owner, stale

OnLine = Callable[[Stream, str], None]
TOOL_S = 600.0  # for a tool whose caller says nothing else
REMOVED_S = 120.0  # from the end of a container's output to its removal
BUILD_S = 3600.0  # for a step of an image's build to say something: a mirror may be slow
PULL_S = 600.0  # for a registry to deliver something more
IMPORT_S = 1800.0  # for a whole file system to be taken in

# Runs as PID 1 of a tool's container. When it ends, the kernel ends everything else in the container, so both
# ends of the command (its own, and that of the client, seen as end of input) need no further bookkeeping.
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
class Limits:
    """What a container may use; None: no limit. ``cpus`` is a quota, ``memory_mib`` includes tmpfs mounts."""

    memory_mib: int | None = None
    pids: int | None = None
    cpus: float | None = None


@dataclass(frozen=True)
class ToolResult:
    """How a tool ended: exit status (128 + signal when killed), wall time."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Engine:
    """A reachable Docker daemon, and the owner in whose name containers are made."""

    client: docker.DockerClient = field(repr=False)
    owner: Owner

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
        read_only_root: bool = True,
    ) -> Attached:
        """Start ``argv`` in a new container that is removed when it ends and that loses its input with us.

        It has no capabilities, no new privileges, no log, and unless asked no network; ``user`` ("uid:gid")
        defaults to the image's. ``tmpfs_mib`` maps paths to sizes, writable by everyone inside. Raises
        MachineError when the daemon refuses.
        """
        container = None
        try:
            with daemon_errors("start a container"):
                container = self.client.containers.create(
                    image,
                    entrypoint=list(argv),
                    command=[],
                    labels=self.owner.labels(role),
                    auto_remove=True,
                    stdin_open=True,
                    cap_drop=["ALL"],
                    security_opt=["no-new-privileges"],
                    log_config=docker.types.LogConfig(type="none"),
                    network_mode="bridge" if network else "none",
                    read_only=read_only_root,
                    mounts=[
                        docker.types.Mount(
                            m.target, str(m.source.absolute()), type="bind", read_only=m.read_only
                        )
                        for m in mounts
                    ],
                    tmpfs={p: f"size={mib}m,mode=1777,nosuid,nodev" for p, mib in (tmpfs_mib or {}).items()},
                    environment=dict(env or {}),
                    user=user,
                    working_dir=workdir,
                    **_limit_arguments(limits),
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
        memory_mib: int | None = None,
    ) -> ToolResult:
        """Run one command to its end and hand every line of its output, without line feed, to ``on_line``.

        It runs as the calling user unless ``user`` says otherwise, so that files in writable mounts are the
        caller's. Raises MachineError when the daemon refuses or dies, or the time is over; a status other
        than 0 raises nothing.
        """
        started = time.monotonic()
        attached = self.start_attached(
            image,
            ["/bin/sh", "-c", _TOOL_PID1, "tool", *argv],
            role="tool",
            limits=Limits(memory_mib),
            mounts=mounts,
            env={"HOME": "/tmp", **(env or {})},
            user=user or self.calling_user(),
            workdir=workdir,
            network=network,
            read_only_root=False,
        )
        late = threading.Event()

        def end_late() -> None:
            late.set()
            attached.hang_up()

        timer = threading.Timer(timeout_s, end_late)
        timer.daemon = True
        timer.start()
        last = ""
        try:
            with CANCELLATION.on_request(attached.hang_up):
                for stream, last in split_lines(attached.frames()):
                    if on_line is not None:
                        on_line(stream, last)
                status = None if late.is_set() or CANCELLATION.requested else attached.wait(REMOVED_S)
        finally:
            timer.cancel()
            attached.close(grace_s=0)
        CANCELLATION.check()
        if late.is_set():
            raise MachineError(f"{' '.join(argv[:2])} did not end within {timeout_s:g} s", last or None)
        if status is None:
            raise MachineError(f"Docker has not removed a container of {argv[0]} within {REMOVED_S:g} s")
        return ToolResult(status, time.monotonic() - started)

    def calling_user(self) -> str:
        """The "uid:gid" whose files in mounts belong to the caller (a rootless daemon maps us to root)."""
        if self.rootless():
            return "0:0"
        return f"{os.getuid()}:{os.getgid()}"

    def execute(self, container_id: str, argv: Sequence[str]) -> int | None:
        """Run one more command in a running container, as its user; the command's exit status."""
        with daemon_errors("run a command in a container"):
            return self.client.containers.get(container_id).exec_run(list(argv)).exit_code

    def facts(self) -> dict[str, Any]:
        """What the daemon says of itself and its machine (``docker info``)."""
        with daemon_errors("ask for Docker's settings"):
            return dict(self.client.info())

    def rootless(self) -> bool:
        """Whether the daemon runs without root's rights."""
        return any("rootless" in option for option in self.facts().get("SecurityOptions") or [])

    def architecture(self) -> str:
        """The processor architecture of the daemon, in Go's names (amd64, arm64)."""
        with daemon_errors("ask for Docker's version"):
            return str(self.client.version()["Arch"])

    def find_image(self, tag: str) -> str | None:
        """The id of an image by its name, or None. Nothing is pulled."""
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
        """Build a tar archive with a Dockerfile; the image's id, or None when a step failed (see the lines).

        Steps that were taken before are not taken again when ``cached``.
        The tag is put on when the image is whole. The daemon stops the build when its client is gone.
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
        """Make an image of one layer from the tar archive of a file system; its id."""
        name, _, version = tag.rpartition(":")
        changes = [f"LABEL {key}={value}" for key, value in labels.items()]
        with daemon_errors("import an image"):
            take = partial(self.client.api.import_image_from_file, str(tar), name, version, changes)
            answer = CANCELLATION.result(take, "import an image", IMPORT_S)
        return str(json.loads(answer)["status"])

    def pull_image(self, tag: str, on_line: Callable[[str], None]) -> str:
        """Pull an image; its id. Raises MachineError when the registry does not deliver."""
        name, _, version = tag.rpartition(":")
        with daemon_errors(f"pull {tag}"):
            pull = partial(self.client.api.pull, name, tag=version, stream=True, decode=True)
            for message in CANCELLATION.each(pull, f"pull {tag}", PULL_S):
                if "error" in message:
                    raise MachineError(f"cannot pull {tag}: {message['error']}")
                on_line(str(message.get("status", "")))
            return str(self.client.images.get(tag).id)

    def remove_tag(self, tag: str) -> None:
        """Take an image's name away, and the image with it when nothing else is made of it."""
        with daemon_errors(f"remove {tag}"), contextlib.suppress(docker.errors.ImageNotFound):
            self.client.api.remove_image(tag, noprune=True)

    def registry_answers(self, tag: str, timeout_s: float) -> bool:
        """Whether the daemon can get this image from its registry."""
        # Bounded, because in a closed network there may be no answer at all, not even a refusal.
        api = self.client.api
        try:
            return _ask(api, f"{api.base_url}/v{api.api_version}/distribution/{tag}/json", timeout_s) == 200
        except requests.RequestException:
            return False

    def reap(self) -> int:
        """Remove this owner's containers that ended, or whose client is dead; returns how many.

        A container that was created and not started is removed when its client is dead: a living client is
        about to start it. Containers of other owners are never touched.
        """
        with daemon_errors("list containers"):
            found = self.client.api.containers(all=True, filters={"label": f"{OWNER_LABEL}={self.owner.id}"})
        ended = [entry["Id"] for entry in found if stale(entry)]
        for container_id in ended:
            # Already gone, or on its way out (409): either way the end we want.
            with contextlib.suppress(docker.errors.APIError), daemon_errors("remove a container", api=False):
                self.client.api.remove_container(container_id, force=True, v=True)
        return len(ended)

    def _attach_and_start(self, container: Container) -> Attached:
        api = self.client.api
        connection = api.attach_socket(
            str(container.id), params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        )
        # The answer's headers say that the daemon is waiting; its body comes when the container is removed.
        # Asked before the start, or the end of a short command could be missed.
        waiting = api.post(
            f"{api.base_url}/v{api.api_version}/containers/{container.id}/wait",
            params={"condition": "removed"},
            stream=True,
            timeout=daemon.TIMEOUT_S,
        )
        waiting.raise_for_status()
        # The deadline was for the headers: from here on the container's life decides.
        api._disable_socket_timeout(api._get_raw_response_socket(waiting))  # type: ignore[attr-defined]
        container.start()
        return Attached(container, connection, waiting)

    def _discard(self, container: Container) -> None:
        with contextlib.suppress(docker.errors.APIError, requests.RequestException):
            container.remove(force=True, v=True)


def connect(cache: Path | None = None) -> Engine:
    """Reach the Docker daemon of DOCKER_HOST, or of the current Docker context, or of this machine.

    Raises MachineError, with what to do about it, when Docker is absent, stopped, closed to this user or
    older than Engine 20.10.
    """
    return Engine(daemon.reach(), current_owner(cache))


@tenacity.retry(
    retry=tenacity.retry_if_result(lambda status: status >= 500),
    stop=tenacity.stop_after_attempt(2),
    wait=tenacity.wait_fixed(0.5),
    retry_error_callback=lambda _: 500,
)
def _ask(api: docker.APIClient, address: str, timeout_s: float) -> int:
    """The HTTP status of an answer of the daemon; asked again once when it says that it failed."""
    return api.get(address, timeout=timeout_s).status_code


def _limit_arguments(limits: Limits) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if limits.memory_mib is not None:
        arguments["mem_limit"] = arguments["memswap_limit"] = f"{limits.memory_mib}m"
    if limits.pids is not None:
        arguments["pids_limit"] = limits.pids
    if limits.cpus is not None:
        arguments["nano_cpus"] = int(limits.cpus * 1e9)
    return arguments
