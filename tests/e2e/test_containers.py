"""Containers with a real Docker: what they may do, and that nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import Checkout
from waiting import Mine, containers, killed_at_last, until

from parity.core.cancellation import Cancellation
from parity.core.errors import InfraError, MachineError
from parity.docker import attached, engine, images
from parity.docker.engine import Engine, Limits, Mount
from parity.docker.owner import CLIENT_LABEL, OWNER_LABEL

pytestmark = pytest.mark.docker


@pytest.mark.timeout(300)
def test_a_tool_gives_lines_as_they_come_and_its_status(
    docker: Engine, qemu: images.Image, tmp_path: Path
) -> None:
    """It waits for an answer to its first line, which would never come were lines held back until the end."""
    seen: list[tuple[str, str]] = []

    def on_line(stream: str, line: str) -> None:
        seen.append((stream, line))
        (tmp_path / "seen").touch()

    result = docker.run_tool(
        qemu.id,
        ["sh", "-c", "echo first; until [ -e /answer/seen ]; do sleep 0.05; done; echo second >&2; exit 7"],
        mounts=[Mount(tmp_path, "/answer")],
        on_line=on_line,
    )
    assert result.status == 7
    assert seen == [("stdout", "first"), ("stderr", "second")]
    assert containers(docker) == []


def test_a_tool_works_on_the_callers_files_without_network(
    docker: Engine, qemu: images.Image, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("content")
    (tmp_path / "out").mkdir()
    script = "cp /in /out/copy; echo x > /in; ls /sys/class/net"
    lines: list[str] = []
    docker.run_tool(
        qemu.id,
        ["sh", "-c", script],
        mounts=[Mount(tmp_path / "in", "/in"), Mount(tmp_path / "out", "/out", read_only=False)],
        on_line=lambda stream, line: lines.append(f"{stream}: {line}"),
    )
    copy = tmp_path / "out" / "copy"
    assert copy.read_text() == "content"
    assert (copy.stat().st_uid, copy.stat().st_gid) == (os.getuid(), os.getgid())
    assert (tmp_path / "in").read_text() == "content", "a read-only mount was written"
    assert [line for line in lines if line.startswith("stdout")] == ["stdout: lo"]


@pytest.mark.timeout(300)
def test_a_tool_is_ended_at_its_deadline(docker: Engine, qemu: images.Image) -> None:
    with pytest.raises(MachineError, match="sleep 1000 did not end within 1 s"):
        docker.run_tool(qemu.id, ["sleep", "1000"], timeout_s=1)


def test_a_tool_ends_with_the_command(
    docker: Engine, qemu: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancellation = Cancellation()
    monkeypatch.setattr(engine, "CANCELLATION", cancellation)
    script = "echo up; trap '' TERM INT HUP; sleep 100 & sleep 101"
    with pytest.raises(KeyboardInterrupt):
        docker.run_tool(qemu.id, ["sh", "-c", script], on_line=lambda *_: cancellation.request())
    assert containers(docker) == []


@pytest.mark.timeout(300)
def test_a_build_that_says_nothing_is_left_behind(
    docker: Engine, qemu: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancellation, unique = Cancellation(), f"parity-test-{uuid.uuid4().hex}"
    monkeypatch.setattr(engine, "CANCELLATION", cancellation)
    files = {"Dockerfile": f"FROM {qemu.id}\nLABEL parity.test={unique}\nRUN sleep 1000\n".encode()}
    mine, label = Mine(docker, docker.owner.id, unique), f"parity.test={unique}"

    def interrupt() -> None:
        until(mine.builds, 60)
        cancellation.request()

    threading.Thread(target=interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            docker.build_image(images.context(files), tag=unique, arguments={}, on_line=lambda _: None)
        assert mine.builds(), "it was waited for"
    finally:  # with a real command it would end now
        for step in docker.client.containers.list(filters={"label": label}):
            step.kill()
        assert until(lambda: mine.left() == [])
        docker.client.images.prune(filters={"label": label, "dangling": True})


def test_a_container_that_reads_nothing_blocks_no_writer_for_ever(
    docker: Engine, qemu: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "WRITE_S", 1)
    argv = ["sleep", "100"]
    with (
        docker.start_attached(qemu.id, argv, role="lane", limits=Limits()) as lane,
        pytest.raises(InfraError, match="no longer reads its input"),
    ):
        for _ in range(64):
            lane.write(bytes(2**20))


def test_what_containers_see_is_looked_at(docker: Engine, qemu: images.Image, tmp_path: Path) -> None:
    assert images.sees(docker, qemu.id, tmp_path)
    assert list(tmp_path.glob("tmp/*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_daemon_with_other_files_is_found(qemu: images.Image, here: Checkout, tmp_path: Path) -> None:
    """Ours are in a mount that only this process has, as in a container or on another machine."""
    cache = tmp_path / "cache"
    cache.mkdir()
    mount = f"mount -t tmpfs parity-test {cache} && exec {sys.executable} -m tasks $0"
    for task, status in (("doctor", None), ("build_kernel:aarch64-testing", 2)):
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", mount, task],
            cwd=here.folder,
            env=here.environment(PARITY_CACHE=str(cache)),
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "the Docker daemon does not see the files of this machine" in said
        assert "Traceback" not in said
        assert status is None or done.returncode == status, said


def test_a_missing_image_says_how_to_make_it(docker: Engine) -> None:
    with pytest.raises(MachineError) as caught:
        docker.run_tool("parity-nonesuch:1", ["true"])
    assert "doit images" in (caught.value.hint or "")


def test_a_lane_is_shut_in_and_answers(docker: Engine, qemu: images.Image) -> None:
    script = (
        "read word; echo got $word; id -u; (echo x > /file) 2>/dev/null || echo read-only;"
        "echo y > /run/lane/f && cat /run/lane/f; grep CapEff /proc/self/status; cat >/dev/null"
    )
    with docker.start_attached(
        qemu.id,
        ["sh", "-c", script],
        role="lane",
        limits=Limits(memory_mib=64, pids=16, cpus=1.5),
        tmpfs_mib={"/run/lane": 8},
    ) as lane:
        lane.write(b"hello\n")
        output = b""
        for stream, data in lane.frames():
            assert stream == "stdout"
            output += data
            if b"CapEff" in output and output.endswith(b"\n"):
                break
        settings = docker.client.api.inspect_container(lane.id)["HostConfig"]
        assert output.decode().split() == ["got", "hello", "65534", "read-only", "y", "CapEff:", "0" * 16]
        assert settings["NetworkMode"] == "none"
        assert settings["Memory"] == settings["MemorySwap"] == 64 * 2**20
        assert (settings["PidsLimit"], settings["NanoCpus"]) == (16, 1_500_000_000)
        assert settings["LogConfig"]["Type"] == "none"
        lane.close()
        assert lane.wait(0) == 0, "the lane did not end by itself when its input was closed"


CLIENT = """
import sys
from pathlib import Path
from parity.docker import engine
docker = engine.connect(Path(sys.argv[1]))
what, image = sys.argv[2:]
if what == "tool":
    script = "echo up; sleep 100 & sleep 101"
    docker.run_tool(image, ["sh", "-c", script], on_line=lambda _, line: print(line, flush=True))
elif what == "lane":
    argv = ["sh", "-c", "echo up; exec cat"]
    lane = docker.start_attached(image, argv, role="lane", limits=engine.Limits())
    for _, data in lane.frames():
        print(data.decode(), end="", flush=True)
else:
    docker.client.containers.create(image, ["true"], labels=docker.owner.labels("lane"))
    print("up", flush=True)
    import time
    time.sleep(100)
"""


CREATING = """
import http.client, os, sys
from pathlib import Path
from parity.docker import engine
docker = engine.connect(Path(sys.argv[1]))
begin, answer = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse
def putrequest(self, method, url, *arguments, **more):
    self.asks = url.partition("?")[0]
    return begin(self, method, url, *arguments, **more)
def getresponse(self):
    if self.asks.endswith("/containers/create"):
        os._exit(9)
    return answer(self)
http.client.HTTPConnection.putrequest = putrequest
http.client.HTTPConnection.getresponse = getresponse
docker.start_attached(sys.argv[2], ["true"], role="lane", limits=engine.Limits())
"""


def test_containers_that_docker_still_creates_for_a_dead_client_are_reaped(
    docker: Engine, qemu: images.Image, tmp_path: Path
) -> None:
    """The client has asked for the container and has died before it had an answer."""
    for _ in range(3):
        dying = subprocess.run([sys.executable, "-c", CREATING, str(tmp_path), qemu.id], check=False)
        assert dying.returncode == 9
        docker.reap()
        assert not until(lambda: containers(docker) != [], 3)


@pytest.mark.parametrize("what", ["tool", "lane"])
def test_containers_die_with_a_killed_client(
    docker: Engine, qemu: images.Image, what: str, tmp_path: Path
) -> None:
    with _client(what, qemu, tmp_path) as client:
        assert len(containers(docker)) == 1
        client.send_signal(signal.SIGKILL)
    assert until(lambda: containers(docker) == [])


def test_ctrl_c_leaves_no_container(docker: Engine, qemu: images.Image, tmp_path: Path) -> None:
    with _client("tool", qemu, tmp_path) as client:
        client.send_signal(signal.SIGINT)
        client.communicate()
        assert containers(docker) == [], "it was gone when the command had ended"


def test_containers_never_started_are_reaped_when_their_client_is_dead(
    docker: Engine, qemu: images.Image, tmp_path: Path
) -> None:
    """And nobody else's: not those of a living client, not those of another owner."""
    other = docker.client.containers.create(
        qemu.id, ["true"], labels={OWNER_LABEL: "somebody", CLIENT_LABEL: "1:1:gone"}
    )
    try:
        with _client("create", qemu, tmp_path) as client:
            assert docker.reap() == 0
            assert len(containers(docker)) == 1
            client.send_signal(signal.SIGKILL)
        assert docker.reap() == 1
        assert containers(docker) == []
        other.reload()
    finally:
        other.remove()


@contextlib.contextmanager
def _client(what: str, image: images.Image, cache: Path) -> Iterator[subprocess.Popen[str]]:
    """A client of Docker that has come to life; killed when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(cache), what, image.id],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with killed_at_last(process) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "up\n"
        yield client
