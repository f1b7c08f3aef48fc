"""Records the versions of the Debian packages in the tool images that are there; see toolchains/update."""

from pathlib import Path

from parity.core import host
from parity.docker import engine, images, versions

ROOT = Path(__file__).parents[1]
ROLES = ("toolchain", "qemu", "uefi", "mutants")

docker = engine.connect(host.cache_dir())
architecture = docker.architecture()
present = {role: images.present(docker, role, ROOT, host.cache_dir()) for role in ROLES}
versions.record(
    ROOT, {architecture: {role: dict(image.packages) for role, image in present.items() if image}}
)
