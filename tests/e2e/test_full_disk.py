"""A disk that is full, wherever it may be: one message, status 2, nothing damaged, and the next run works."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import ROOT, Checkout, assert_told, dockerfile, image_from
from proxy import REAL, standing_for_docker
from waiting import containers

from parity.core import host
from parity.docker import images
from parity.docker.engine import Engine
from parity.store.store import Store

pytestmark = pytest.mark.docker
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
thorough = pytest.mark.thorough
MIB = 2**20
MADE = ("userspace:aarch64", "build_kernel:aarch64-testing")
TEST = "test_aarch64:fork_test"


class Small:
    """A file system of its own, and a ballast that leaves only so much room on it."""

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0755", "parity-test", str(folder)],
            check=True,
        )

    def leave(self, size: int) -> None:
        """Fills all but `size` bytes."""
        stat = os.statvfs(self.folder)
        with (self.folder / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, stat.f_bavail * stat.f_frsize - size))

    def relieve(self) -> None:
        """There is room again."""
        (self.folder / "ballast").unlink()

    def unmount(self) -> None:
        """Nothing of it stays."""
        subprocess.run(["umount", str(self.folder)], check=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Small]:
    """A small file system for the store."""
    small = Small(tmp_path / "cache", 512)
    yield small
    small.unmount()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout whose store is in `cache`."""
    return Checkout.copy(tmp_path / "checkout", tmp_path / "cache")


@root_only
def test_a_full_store(store: Small, checkout: Checkout) -> None:
    checkout.take_made(*MADE)
    store.leave(64 * 1024)
    status, output = checkout.doit(TEST)
    assert_told(status, output, "the disk is full", "PARITY_CACHE")
    store.relieve()
    checkout.says(TEST)
    assert checkout.row("fork_test")["verdict"] == "pass"


@root_only
@thorough
def test_a_store_that_fills_while_a_disk_image_is_made(store: Small, checkout: Checkout) -> None:
    """There is room for what goes on the disk, and for a part of the image."""
    checkout.take_made(*MADE)
    checkout.says(TEST)
    disk = Store(checkout.cache).local(checkout.row("fork_test")["disk"])
    checkout.says("forget", TEST)
    store.leave(disk.stat().st_blocks * 512 * 13 // 10)
    status, output = checkout.doit(TEST)
    assert_told(status, output, "no room to make the disk image")
    store.relieve()
    checkout.says(TEST)
    assert checkout.row("fork_test")["verdict"] == "pass"


@root_only
@thorough
def test_a_store_that_fills_while_guests_run(store: Small, checkout: Checkout) -> None:
    """What is seen of a guest finds no room."""
    checkout.take_made(*MADE)
    checkout.says(TEST)
    store.leave(8 * 1024)
    status, output = checkout.doit("fresh=1", TEST)
    assert_told(status, output, "PARITY_CACHE")
    store.relieve()
    checkout.says("fresh=1", TEST)
    assert checkout.row("fork_test")["verdict"] == "pass"


@root_only
@thorough
def test_a_full_build_folder(checkout: Checkout) -> None:
    """The reports find no room; those of before stay whole."""
    checkout.take_made(*MADE)
    shutil.rmtree(checkout.folder / "build")
    small = Small(checkout.folder / "build", 512)
    results = small.folder / "report" / "results.json"
    try:
        checkout.says(TEST)
        before = results.read_bytes()
        small.leave(0)
        status, output = checkout.doit("fresh=1", TEST)
        assert_told(status, output, "No space left on device")
        assert results.read_bytes() == before
        small.relieve()
        checkout.says("fresh=1", TEST)
        assert results.read_bytes() != before
    finally:
        small.unmount()


@root_only
@thorough
def test_a_disk_that_fills_while_compiling(tmp_path: Path) -> None:
    """While the tree's own packages are compiled, and while others' crates are laid into an empty folder."""
    checkout = Checkout.copy(tmp_path / "checkout", host.cache_dir())
    task = "build_kernel:aarch64-testing"
    small = Small(checkout.folder / "build", 2048)
    try:
        for words in (("forget", task), (task,)):
            checkout.says(*words)
        checkout.replace("kernel/core/src/main.rs", "#![no_std]", f"// {uuid.uuid4()}\n#![no_std]")
        small.leave(4 * MIB)  # for the copy of the sources
        status, output = checkout.doit(task)
        assert_told(status, output, "disk is full while compiling", "build/")
        small.relieve()
        checkout.says("clean", "build_kernel")
        small.leave(100 * MIB)
        status, output = checkout.doit(task)
        assert_told(status, output, "the disk is full", "build/")
        small.relieve()
        checkout.says(task)
    finally:
        small.unmount()


def test_a_full_disk_while_an_image_is_made(docker: Engine, checkout: Checkout) -> None:
    """A step writes more than its file system holds: what Docker gives every container for shared memory."""
    unique = f"parity-test-{uuid.uuid4().hex}"
    tag = images.load_recipe(ROOT, "qemu", docker.architecture()).tag
    steps = f"LABEL parity.test={unique}\nRUN head -c 100M /dev/zero > /dev/shm/x\n"
    (checkout.folder / dockerfile("qemu")).write_text(image_from(tag, steps))
    filters = {"label": f"parity.test={unique}"}
    try:
        status, output = checkout.doit("images:qemu")
        assert_told(status, output, "cannot make the tool image qemu: the disk is full")
        assert docker.client.api.containers(all=True, filters=filters) == []
    finally:
        docker.client.images.prune(filters={**filters, "dangling": True})


@thorough
@pytest.mark.skipif(not REAL.exists(), reason="Docker is not on its usual socket")
def test_a_full_lane(docker: Engine, checkout: Checkout, tmp_path: Path) -> None:
    """On its way to Docker the lane's room for disks becomes less."""
    checkout.take_made(*MADE)
    own = tmp_path / "docker.sock"
    with standing_for_docker(own, "size=17m,", "size=16k,"):
        status, output = checkout.doit(TEST, DOCKER_HOST=f"unix://{own}")
    assert_told(status, output, "No space left on device", "lane")
    assert containers(docker) == []
    checkout.says(TEST)
