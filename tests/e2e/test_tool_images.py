"""Tool images and containers with a real Docker: made, found again, and nothing left behind."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from proxy import REAL, standing_for_docker
from waiting import containers, killed_at_last, until

from parity.core import host
from parity.core.errors import MachineError
from parity.docker import engine, images, rootfs
from parity.docker.engine import Engine
from parity.report.terminal import Screen

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]


def test_images_are_found_again_without_a_container(
    docker: Engine, qemu: images.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Engine, "build_image")
    monkeypatch.delattr(Engine, "run_tool")
    assert images.ensure(docker, "qemu", ROOT, host.cache_dir(), Screen()) == qemu
    assert qemu.packages["qemu-system-arm"].split(":")[-1].startswith("10.")


@pytest.mark.parametrize("role", ["toolchain", "qemu"])
def test_images_say_what_they_are(docker: Engine, role: str) -> None:
    image = images.ensure(docker, role, ROOT, host.cache_dir(), Screen())
    config = docker.client.images.get(image.id).attrs["Config"]
    assert config["Labels"] == {"parity.role": role, "parity.recipe": image.recipe}
    assert (config["User"] == "65534:65534") is (role == "qemu")


MAKER = """
import contextlib, dataclasses, sys
from pathlib import Path
from parity.docker import engine; from parity.docker import images; from parity.docker import rootfs
cache, root, what = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
class Progress:
    def note(self, text): print(text, flush=True)
    say = note
    def stage(self, title): return contextlib.nullcontext()
docker = engine.connect(cache)
if what == "base":
    debian = images.load_recipe(root, "qemu", docker.architecture()).debian
    # Neither known here nor to any registry.
    debian = dataclasses.replace(debian, image="127.0.0.1:1/debian:none", sources=debian.sources[:1])
    with rootfs.provided(docker, debian, cache, Progress()):
        pass
else:
    images.ensure(docker, "qemu", root, cache, Progress())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="bootstrapping takes root")
def test_a_killed_bootstrap_is_swept(docker: Engine, tmp_path: Path) -> None:
    with _maker("base", ROOT, tmp_path) as maker:
        assert maker.stdout is not None
        assert any("extracting" in line for line in maker.stdout), "it did not come to the packages"
        (folder,) = (tmp_path / "tmp").iterdir()
        assert _processes(tmp_path)
        assert host.sweep(tmp_path) == 0
    assert until(lambda: _processes(tmp_path) == [])
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert any(folder.iterdir())
    assert host.sweep(tmp_path) == 1
    assert not folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="bootstrapping takes root")
def test_a_full_disk_is_named_while_bootstrapping(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    # The mount is this child's own and goes with it.
    script = f'mount -t tmpfs -o size=64m none "{small}" && exec "{sys.executable}" -c "$0" "$@"'
    argv = ["unshare", "--mount", "sh", "-c", script, MAKER, str(small), str(ROOT), "base"]
    failed = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert "MachineError: cannot make a Debian base: the disk is full" in failed.stderr
    assert _processes(tmp_path) == []


def test_a_killed_build_leaves_no_container_and_no_whole_image(docker: Engine, tmp_path: Path) -> None:
    unique = f"parity-test-{uuid.uuid4().hex}"
    checkout = _checkout(tmp_path, f"LABEL parity.test={unique}\nRUN echo up && sleep 1000\n")
    filters = {"label": f"parity.test={unique}"}
    try:
        with _maker("build", checkout, tmp_path) as maker:
            assert maker.stdout is not None
            assert any(line == "up\n" for line in maker.stdout), "the build did not start"
            # The container of the step before may be there a moment longer.
            assert until(lambda: len(docker.client.api.containers(filters=filters)) == 1, 15)
        assert until(lambda: not docker.client.api.containers(all=True, filters=filters), 15)
        assert images.present(docker, "qemu", checkout, tmp_path) is None
    finally:
        docker.client.images.prune(filters={**filters, "dangling": True})


def test_an_image_made_again_takes_no_step_from_before(docker: Engine, tmp_path: Path) -> None:
    step = "RUN cat /proc/sys/kernel/random/uuid >/made"
    checkout = _checkout(tmp_path, f"LABEL parity.test=parity-test-{uuid.uuid4().hex}\n{step}\n")
    made: list[str] = []
    try:
        for again in (False, False, True):
            image = images.ensure(docker, "qemu", checkout, tmp_path, Screen(), again=again)
            made.append(image.id)
            assert image.packages
        first, found, last = made
        assert first == found != last
        assert images.present(docker, "qemu", checkout, tmp_path) == image
    finally:
        for each in dict.fromkeys(made):
            docker.client.api.remove_image(each, force=True)


def test_a_failed_step_is_told_in_its_own_words(docker: Engine, tmp_path: Path) -> None:
    unique = f"parity-test-{uuid.uuid4().hex}"
    step = "echo E: Unable to locate package nonesuch; exit 100"
    checkout = _checkout(tmp_path, f"LABEL parity.test={unique}\nRUN {step}\n")
    filters = {"label": f"parity.test={unique}"}
    try:
        with pytest.raises(
            MachineError, match="the tool image qemu: the Debian mirror lacks a package"
        ) as caught:
            images.ensure(docker, "qemu", checkout, tmp_path, Screen())
        assert "nonesuch" in (caught.value.hint or "")
        assert docker.client.api.containers(all=True, filters=filters) == []
    finally:
        docker.client.images.prune(filters={**filters, "dangling": True})


def _checkout(folder: Path, steps: str) -> Path:
    """A checkout whose qemu image is made by other steps than ours, from the same base."""
    checkout = folder / "checkout"
    for name in (images.RECIPES, images.DOCKER / "dpkg.cfg"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_bytes((ROOT / name).read_bytes())
    (checkout / images.DOCKER / "qemu").mkdir()
    (checkout / images.DOCKER / "qemu" / "Dockerfile").write_text(f"ARG ROOTFS\nFROM ${{ROOTFS}}\n{steps}")
    return checkout


def _maker(what: str, checkout: Path, cache: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process that makes an image or a base until the block ends, which kills it."""
    return killed_at_last(
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(cache), str(checkout), what],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    )


def _processes(folder: Path) -> list[str]:
    """Processes that name the folder in their arguments or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            texts = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in texts and int(process.name) != os.getpid():
            found.append(process.name)
    return found


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry on this machine that has debian:trixie-slim, or rather a file in place of it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("etc"))
    packed = gzip.compress(layer.getvalue(), mtime=0)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [uuid.uuid4().hex]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer.getvalue())]},
    }
    blobs = {_digest(packed): packed}
    settings = json.dumps(config).encode()
    blobs[_digest(settings)] = settings
    kind = "application/vnd.docker."
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{kind}distribution.manifest.v2+json",
            "config": _part(f"{kind}container.image.v1+json", settings),
            "layers": [_part(f"{kind}image.rootfs.diff.tar.gzip", packed)],
        }
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, sort = b"{}", "application/json"
            if "/manifests/" in self.path:
                body, sort = manifest, f"{kind}distribution.manifest.v2+json"
            elif "/blobs/" in self.path:
                body, sort = blobs[self.path.rsplit("/", 1)[1]], "application/octet-stream"
            self.send_response(200)
            self.send_header("Content-Type", sort)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", _digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the name is http.server's

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _part(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}


def test_a_base_is_pulled_where_a_registry_answers_and_leaves_no_name(
    docker: Engine, registry: str, tmp_path: Path
) -> None:
    name = f"{registry}/debian:trixie-slim"
    debian = rootfs.Debian(name, "trixie", ("deb http://registry.test trixie main",))
    with rootfs.provided(docker, debian, tmp_path, Screen()) as base:
        assert docker.find_image(name) == base
    assert docker.find_image(name) is None
    assert docker.find_image(base) is None


@pytest.mark.timeout(300)
@pytest.mark.skipif(not REAL.exists(), reason="Docker is not on its usual socket")
def test_a_daemon_that_dies_is_the_machines_fault(
    docker: Engine, qemu: images.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A proxy stands for the daemon; killed, it takes every connection along as a dying daemon does."""
    address = tmp_path / "docker.sock"
    with standing_for_docker(address) as proxy:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{address}")
        through = engine.connect(tmp_path)
        with pytest.raises(MachineError, match="Docker"):
            script = ["sh", "-c", "echo up; sleep 1000"]
            through.run_tool(qemu.id, script, on_line=lambda _, __: proxy.kill())
        through.client.close()
    assert until(lambda: containers(docker) == [])
