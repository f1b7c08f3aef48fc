"""Docker or a registry out of reach, from the start or at once: one message, status 2; the next run works."""

from __future__ import annotations

import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import DOIT, ROOT, Checkout, assert_told
from proxy import REAL, standing_for_docker
from waiting import Mine, until

from parity.core import host
from parity.docker import images, rootfs
from parity.docker.engine import Engine

usual_socket = pytest.mark.skipif(not REAL.exists(), reason="Docker is not on its usual socket")
# Nobody listens there, on this machine as in a container.
NOBODY = "127.0.0.1:1"
PROXIES = ("http_proxy", "https_proxy", "all_proxy")
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override", "--")


@pytest.fixture
def deserted(tmp_path: Path) -> Path:
    """A socket on which a daemon has listened."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "docker.sock"))
    return tmp_path / "docker.sock"


def test_a_stopped_docker(here: Checkout, deserted: Path) -> None:
    status, output = here.doit("boot_aarch64", DOCKER_HOST=f"unix://{deserted}")
    assert_told(status, output, "Docker does not answer", "docker version")


def test_a_docker_that_lets_nobody_in(here: Checkout, deserted: Path) -> None:
    deserted.chmod(0)
    without_rights = WITHOUT_RIGHTS if os.geteuid() == 0 else ()
    done = subprocess.run(
        [*without_rights, str(DOIT), "boot_aarch64"],
        cwd=here.folder,
        env=here.environment(DOCKER_HOST=f"unix://{deserted}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert_told(done.returncode, done.stdout, "Docker is running, but you may not use it", "usermod")


@pytest.mark.docker
@usual_socket
@pytest.mark.parametrize(
    ("words", "sign"),
    [
        (("lanes=1", "fresh=1", "only=*pipe*", "test_aarch64"), "1/"),
        pytest.param(("lanes=1", "arch=aarch64", "kthread_parallel:20"), "2/", marks=pytest.mark.thorough),
    ],
)
def test_a_docker_that_dies_while_guests_run(
    docker: Engine, tmp_path: Path, words: tuple[str, ...], sign: str
) -> None:
    checkout = Checkout.copy(tmp_path / "checkout", host.cache_dir())
    address = tmp_path / "docker.sock"
    with (
        standing_for_docker(address) as daemon,
        checkout.start(*words, DOCKER_HOST=f"unix://{address}") as command,
    ):
        assert command.stdout is not None
        lines = []
        for line in command.stdout:
            lines.append(line)
            if line.startswith(sign):
                daemon.kill()
        status = command.wait()
    assert_told(status, "".join(lines), "Docker")
    assert until(lambda: lanes_of(docker, command.pid) == [])
    checkout.says(*words)


@pytest.mark.docker
@pytest.mark.thorough
@usual_socket
def test_a_docker_that_dies_while_a_kernel_is_compiled(docker: Engine, tmp_path: Path) -> None:
    checkout, task = Checkout.copy(tmp_path / "checkout", host.cache_dir()), "build_kernel:aarch64-testing"
    checkout.says("forget", task)
    address, mine = tmp_path / "docker.sock", Mine.of(docker, checkout.cache, "")
    with (
        standing_for_docker(address) as daemon,
        checkout.start(task, DOCKER_HOST=f"unix://{address}") as command,
    ):
        assert until(
            lambda: (checkout.folder / "build" / "cargo" / "kernel" / "target" / "release").is_dir(), 60
        )
        assert until(lambda: any("cargo build" in line for line in mine.commands()), 60)
        daemon.kill()
        output, _ = command.communicate()
    assert_told(command.returncode, output, "Docker")
    assert until(lambda: lanes_of(docker, command.pid) == [])
    checkout.says(task)


def lanes_of(docker: Engine, pid: int) -> list[str]:
    """The containers that a process has made and that are still there."""
    found = docker.client.containers.list(all=True, filters={"label": "parity.client"}, ignore_removed=True)
    return [str(each.id) for each in found if each.labels["parity.client"].startswith(f"{pid}:")]


@pytest.mark.docker
def test_a_crates_registry_out_of_reach(tmp_path: Path) -> None:
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    closed = {name: f"http://{NOBODY}" for each in PROXIES for name in (each, each.upper())}
    status, output = checkout.doit("build_kernel:aarch64-testing", **closed, no_proxy="", NO_PROXY="")
    assert_told(status, output, "crates could not be fetched", "is the crates registry reachable?")
    assert not list(checkout.cache.glob("cargo/.parity-fetched/*"))


@pytest.fixture
def remote(tmp_path: Path, docker: Engine) -> Iterator[Checkout]:
    """A checkout whose Debian comes from where nobody is, package lists included."""
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    file = checkout.folder / images.RECIPES
    file.write_text(file.read_text().replace("http://deb.debian.org", f"http://{NOBODY}"))
    label = f"parity.test=parity-test-{uuid.uuid4().hex}"
    checkout.replace("docker/qemu/Dockerfile", "ARG RECIPE", f"ARG RECIPE\nLABEL {label}")
    yield checkout
    docker.client.images.prune(filters={"label": label, "dangling": True})


@pytest.mark.docker
@pytest.mark.thorough
def test_a_debian_mirror_out_of_reach(remote: Checkout, docker: Engine) -> None:
    """What an image starts from is there."""
    ours = images.load_recipe(ROOT, "qemu", docker.architecture())
    base = rootfs.name(ours.debian, ours.architecture)
    if docker.find_image(base) is None:  # made where a registry gave it
        base = ours.tag
    remote.replace(str(images.RECIPES), ours.debian.image, base)
    status, output = remote.doit("images:qemu")
    assert_told(status, output, "the tool image qemu: the Debian mirror cannot be reached")


@pytest.mark.docker
@pytest.mark.thorough
@pytest.mark.skipif(os.geteuid() != 0, reason="bootstrapping takes root")
def test_an_image_registry_and_a_debian_mirror_out_of_reach(remote: Checkout) -> None:
    remote.replace(str(images.RECIPES), "debian:trixie-slim", f"{NOBODY}/debian:none")
    status, output = remote.doit("images:qemu")
    assert_told(status, output, "a Debian base: the Debian mirror cannot be reached")
    assert list((remote.cache / "tmp").glob("*")) == []
