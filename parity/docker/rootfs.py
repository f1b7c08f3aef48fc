"""The base of tool images: Debian's image from a registry, or an image made of Debian's packages."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parity.core import command, host
from parity.core.errors import MachineError
from parity.core.progress import Progress
from parity.docker.engine import Engine
from parity.docker.owner import ROLE_LABEL

RECIPE_LABEL = "parity.recipe"
REGISTRY_TIMEOUT_S = 10
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Debian:
    """A release: its image in registries, its suite and its sources (lines of sources.list)."""

    image: str
    suite: str
    sources: tuple[str, ...]


@contextlib.contextmanager
def provided(engine: Engine, debian: Debian, cache: Path, progress: Progress) -> Iterator[str]:
    """The id of a Debian image: a local one, else pulled and removed at the block's end, else bootstrapped.

    Raises:
        MachineError: none of these works; the hint says what to do.
    """
    tag = name(debian, engine.architecture())
    known = engine.find_image(tag) or engine.find_image(debian.image)
    if known is None and engine.registry_answers(debian.image, REGISTRY_TIMEOUT_S):
        try:
            with progress.stage(f"pull {debian.image}"):
                known = engine.pull_image(debian.image, progress.say)
        except MachineError as error:
            progress.note(f"{error.message}; trying without the registry")
        else:
            try:
                yield known
            finally:
                # The tool image keeps the layers. The name has no label of Parity, so it is removed.
                engine.remove_tag(debian.image)
            return
    if known is None:
        with progress.stage(f"Debian {debian.suite} from its packages (no registry gives {debian.image})"):
            labels = {ROLE_LABEL: "rootfs", RECIPE_LABEL: _recipe(debian, engine.architecture())}
            known = _bootstrap(engine, debian, tag, labels, cache, progress)
    yield known


def name(debian: Debian, architecture: str) -> str:
    """The name of a bootstrapped image."""
    return f"parity-rootfs:{_recipe(debian, architecture)[:24]}"


def _recipe(debian: Debian, architecture: str) -> str:
    text = json.dumps([debian.suite, debian.sources, architecture])
    return hashlib.sha256(text.encode()).hexdigest()


def _bootstrap(
    engine: Engine, debian: Debian, tag: str, labels: dict[str, str], cache: Path, progress: Progress
) -> str:
    """Makes the image with mmdebstrap, in a folder that a later command removes if this one is killed."""
    packages = {"mmdebstrap": "mmdebstrap", "debian-archive-keyring": KEYRING}
    why = f"making {debian.image} without a registry"
    if os.geteuid() != 0:
        steps = f"sudo apt-get install {' '.join(packages)} && " if not command.present("mmdebstrap") else ""
        raise MachineError(
            f"no registry answers for {debian.image}, and {why} takes root",
            f"Run once: {steps}sudo mmdebstrap --variant=apt {debian.suite} -"
            f" | docker import - {debian.image}",
        )
    command.require_packages(packages, why, progress.note, progress.say)
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        progress.say(line.removeprefix("I: "))

    with host.scratch(cache) as folder:
        tar = folder / "rootfs.tar"
        argv = ["mmdebstrap", "--mode=root", "--variant=apt", "--dpkgopt=force-unsafe-io"]
        argv += [debian.suite, str(tar), *debian.sources]
        if command.run(argv, on_line, env={"TMPDIR": str(folder)}, isolated=True) != 0:
            raise making_failed("a Debian base", lines)
        progress.say("import")
        return engine.import_image(tar, tag=tag, labels=labels)


def making_failed(what: str, lines: list[str]) -> MachineError:
    """The error for a failed mmdebstrap or image build; the cause comes from its output."""
    text = "\n  ".join(lines[-12:])
    causes = {
        "No space left on device": "the disk is full",
        "You don't have enough free space": "the disk is full",
        "Temporary failure resolving": "the Debian mirror cannot be reached (no name resolution)",
        "Could not connect to": "the Debian mirror cannot be reached",
        "Failed to fetch": "the Debian mirror does not deliver",
        "Unable to locate package": "the Debian mirror lacks a package",
    }
    for sign, cause in causes.items():
        if any(sign.lower() in line.lower() for line in lines):
            return MachineError(f"cannot make {what}: {cause}", text)
    return MachineError(f"cannot make {what}", text)
