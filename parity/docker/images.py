"""Tool images: one per role, found by the digest of its recipe, and made if it is missing.

A recipe has all inputs of an image that Parity controls: the role's Dockerfile, the packages, the suite's
sources and the architecture. The versions of the installed packages come from Debian's mirror at build time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from parity.core import host, lock, yamlfile
from parity.core.errors import InfraError
from parity.core.progress import Progress
from parity.core.yamlfile import Model, Name
from parity.docker import daemon, rootfs, versions
from parity.docker.engine import Engine, Mount
from parity.docker.rootfs import Debian
from parity.store import files, sealed

RECIPES = Path("toolchains/debian-trixie.yaml")
DOCKER = Path("docker")
_CA_INSIDE = "/run/parity-ca.crt"
_SEEN_INSIDE = "/run/parity-seen"


class ToolchainFile(Model, frozen=True):
    """The inputs of the tool images."""

    image: str  # Debian's image in registries
    suite: Name
    sources: tuple[str, ...]  # lines of sources.list
    roles: dict[Name, tuple[str, ...]]  # the packages of each image


@dataclass(frozen=True)
class Recipe:
    """The inputs of an image. ``files`` is the build context: path inside it → content."""

    role: str
    debian: Debian
    architecture: str
    files: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all of it."""
        digests = {path: hashlib.sha256(content).hexdigest() for path, content in self.files.items()}
        parts = [self.role, self.debian.suite, self.architecture, digests]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def tag(self) -> str:
        """The image's name. Unlike the labels, it is only on complete images."""
        return f"parity-{self.role}:{self.digest[:24]}"


@dataclass(frozen=True)
class Image:
    """An existing tool image. ``packages`` maps Debian's packages to their versions."""

    id: str
    role: str
    recipe: str
    packages: Mapping[str, str]

    @cached_property
    def packages_digest(self) -> str:
        """SHA-256 over recipe and installed versions; a part of all keys of what it makes."""
        text = json.dumps([self.recipe, sorted(self.packages.items())])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of the image, for `doit why`."""
        return {"recipe": self.recipe, "packages": dict(self.packages)}


def title(role: str) -> str:
    """The image's name in messages."""
    return f"image {role}"


def load_recipe(root: Path, role: str, architecture: str) -> Recipe:
    """The recipe of a role, from the files of a checkout. Raises UserError for a mistake in them."""
    path = root / RECIPES
    file = yamlfile.load(path, ToolchainFile)
    given = file.value
    file.word("role", role, given.roles, "roles")
    debian = Debian(given.image, given.suite, given.sources)
    files = {
        "Dockerfile": (root / DOCKER / role / "Dockerfile").read_bytes(),
        "etc/dpkg/dpkg.cfg.d/parity": (root / DOCKER / "dpkg.cfg").read_bytes(),
        "etc/apt/sources.list": _lines(debian.sources),
        "etc/parity/packages": _lines(given.roles[role]),
    }
    return Recipe(role, debian, architecture, files)


def ensure(
    engine: Engine, role: str, root: Path, cache: Path, progress: Progress, *, again: bool = False
) -> Image:
    """The image of a role by the recipe of the checkout `root`; made if it is missing, or if `again` is true.

    An image that is made again takes over the name. The former image stays, because another command may use
    it. Differences between installed and recorded package versions are reported.

    Raises:
        MachineError: the disk is full, or network or permission is missing.
        UserError: a mistake in the recipe's data.
    """
    recipe = load_recipe(root, role, engine.architecture())
    former = engine.find_image(recipe.tag)
    image_id = None if again else former
    if image_id is None:
        # One command at a time, because two would download the same files.
        with lock.held(cache / "locks" / "images.lock"):
            image_id = None if again else engine.find_image(recipe.tag)
            image_id = image_id or _make(engine, recipe, cache, progress, again=again)
    if former not in (None, image_id):
        progress.note(f"image {role}: the former image stays; to remove it: docker image rm {former}")
    image = Image(image_id, role, recipe.digest, _packages(engine, image_id, cache))
    if image_id != former and (
        differences := versions.differences(root, recipe.architecture, role, image.packages)
    ):
        progress.note(f"image {role}: {versions.message(differences)}", "yellow")
    return image


def present(engine: Engine, role: str, root: Path, cache: Path) -> Image | None:
    """The role's image, or None if it does not exist; makes nothing."""
    recipe = load_recipe(root, role, engine.architecture())
    image_id = engine.find_image(recipe.tag)
    if image_id is None:
        return None
    return Image(image_id, role, recipe.digest, _packages(engine, image_id, cache))


def ca_mounts() -> tuple[list[Mount], dict[str, str]]:
    """This machine's certificates (as mounts) and proxy settings, for containers with network."""
    bundle = host.ca_bundle()
    if bundle is None:
        return [], host.proxies()
    names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "CARGO_HTTP_CAINFO", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE")
    return [Mount(bundle, _CA_INSIDE)], {**dict.fromkeys(names, _CA_INSIDE), **host.proxies()}


def _make(engine: Engine, recipe: Recipe, cache: Path, progress: Progress, *, again: bool) -> str:
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        progress.say(line)

    with (
        rootfs.provided(engine, recipe.debian, cache, progress) as base,
        progress.stage(title(recipe.role)),
    ):
        arguments = {"ROOTFS": base, "RECIPE": recipe.digest, **host.proxies()}
        image_id = engine.build_image(
            context(recipe.files), tag=recipe.tag, arguments=arguments, cached=not again, on_line=on_line
        )
        if image_id is None:
            raise rootfs.making_failed(f"the tool image {recipe.role}", lines)
        return image_id


def _lines(items: Sequence[str]) -> bytes:
    return "".join(f"{item}\n" for item in items).encode()


def context(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _packages(engine: Engine, image_id: str, cache: Path) -> dict[str, str]:
    """The installed versions. They are read once per image, because an image never changes."""
    place = cache / "images" / f"{image_id.removeprefix('sha256:')}.packages"
    with contextlib.suppress(OSError, ValueError):
        if packages := msgspec.convert(sealed.opened(files.read(place)), dict[str, str]):
            return packages
    # This is the store's first container with this daemon. Check that containers see the store's files.
    if not sees(engine, image_id, cache):
        raise daemon.other_files(str(cache))
    lines: list[str] = []
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\\n"]
    result = engine.run_tool(image_id, query, on_line=lambda _, line: lines.append(line))
    packages = dict(line.split(" ", 1) for line in lines if " " in line)
    if result.status != 0 or not packages:
        raise InfraError(
            f"cannot read the installed versions of image {image_id[:19]}", "\n".join(lines[-5:])
        )
    files.discard(place)
    host.write_whole(place, sealed.seal(packages), cache)
    return packages


def sees(engine: Engine, image_id: str, folder: Path) -> bool:
    """Whether containers see the files of this machine below a folder, which need not exist.

    Raises:
        MachineError: Docker refuses; the folder cannot be written.
    """
    secret = secrets.token_hex(16)
    lines: list[str] = []
    with host.scratch(folder) as place:
        (place / "seen").write_text(f"{secret}\n", encoding="utf-8")
        engine.run_tool(
            image_id,
            ["cat", f"{_SEEN_INSIDE}/seen"],
            mounts=[Mount(place, _SEEN_INSIDE)],
            on_line=lambda _, line: lines.append(line),
        )
    return lines == [secret]
