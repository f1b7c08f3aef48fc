"""Checks that this machine has what Parity needs; `report` prints the findings."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from parity.core import command, host
from parity.core.errors import ParityError
from parity.docker import engine, images, rootfs, versions
from parity.docker.daemon import other_files

NEEDED_GIB = 6  # tool images, their making, and a build, rounded up
ROLES = ("toolchain", "qemu")


class State(StrEnum):
    """OK: as needed. NOTE: works, but worth knowing. LACK: something will not work."""

    OK = "ok"
    NOTE = "note"
    LACK = "lack"


@dataclass(frozen=True)
class Finding:
    """The result of one check; `hint` says what to do if something is lacking."""

    name: str
    state: State
    detail: str
    hint: str = ""


def examine(root: Path, cache: Path) -> list[Finding]:
    """Runs all checks; makes no images. A check that fails gives a finding, not an exception."""
    findings = [_python(), _machine(), *_guarded("cache", lambda: [_space("cache", cache)])]
    try:
        docker = engine.connect(cache)
    except ParityError as error:
        return [*findings, Finding("docker", State.LACK, error.message, error.hint or "")]
    findings += _guarded("docker", lambda: list(_docker(docker)))
    findings += _guarded("debian", lambda: list(_debian(docker, root)))
    findings += _guarded("files", lambda: list(_sees(docker, root, cache)))
    findings += _guarded("images", lambda: [_image(docker, role, root, cache) for role in ROLES])
    return findings


def _guarded(name: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except ParityError as error:
        return [Finding(name, State.LACK, error.message, error.hint or "")]
    except OSError as error:
        return [Finding(name, State.LACK, str(error))]


def _python() -> Finding:
    place = "" if sys.prefix != sys.base_prefix else ", outside a virtual environment"
    return Finding("python", State.OK if not place else State.NOTE, platform.python_version() + place)


def _machine() -> Finding:
    return Finding("machine", State.OK, host.host_class())


def _space(name: str, folder: Path) -> Finding:
    """Free space on the disk of ``folder``, which may not exist yet."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free_gib = shutil.disk_usage(there).free / 2**30
    detail = f"{folder}: {free_gib:.1f} GiB free"
    if free_gib < NEEDED_GIB:
        return Finding(name, State.LACK, detail, f"Parity may need {NEEDED_GIB} GiB here; make room.")
    return Finding(name, State.OK, detail)


def _docker(docker: engine.Engine) -> Iterator[Finding]:
    facts: dict[str, Any] = docker.facts()
    yield Finding(
        "docker",
        State.OK,
        f"Engine {facts['ServerVersion']}, {facts['Architecture']}, storage {facts['Driver']}, "
        f"cgroup v{facts.get('CgroupVersion', '1')} ({facts['CgroupDriver']})",
    )
    place = Path(facts["DockerRootDir"])
    if place.exists():  # else the daemon runs on another machine
        yield _space("docker's disk", place)
    for option in ("MemoryLimit", "PidsLimit", "CpuCfsQuota"):
        if not facts.get(option, False):
            yield Finding("limits", State.NOTE, f"this kernel does not support Docker's {option}")


def _debian(docker: engine.Engine, root: Path) -> Iterator[Finding]:
    """The source of the Debian base for new tool images."""
    image = images.load_recipe(root, ROLES[0], docker.architecture()).debian.image
    if docker.find_image(image):
        yield Finding("debian base", State.OK, f"{image} is here")
    elif docker.registry_answers(image, rootfs.REGISTRY_TIMEOUT_S):
        yield Finding("debian base", State.OK, f"{image} from its registry")
    elif command.present("mmdebstrap"):
        yield Finding("debian base", State.OK, "from Debian packages by mmdebstrap; no registry answers")
    elif command.present("apt-get"):
        detail = "from Debian packages; no registry answers, mmdebstrap is not installed"
        yield Finding("debian base", State.NOTE, detail, "As root, Parity installs it when it is needed.")
    else:
        hint = f"Give Docker access to a registry, or the image {image}."
        yield Finding("debian base", State.LACK, "no registry answers, and no apt-get here", hint)


def _sees(docker: engine.Engine, root: Path, cache: Path) -> Iterator[Finding]:
    """Whether containers see this machine's files; checked only if a tool image exists."""
    present = [found for role in ROLES if (found := images.present(docker, role, root, cache))]
    for folder in (cache, root / "build") if present else ():
        if not images.sees(docker, present[0].id, folder):
            lack = other_files(str(folder))
            yield Finding("files", State.LACK, lack.message, lack.hint or "")
        else:
            yield Finding("files", State.OK, f"containers see {folder}")


def _image(docker: engine.Engine, role: str, root: Path, cache: Path) -> Finding:
    found = images.present(docker, role, root, cache)
    if found is None:
        return Finding(f"image {role}", State.NOTE, "not made yet", "Made when needed, or by: doit images")
    differences = versions.differences(root, docker.architecture(), role, found.packages)
    if differences:
        return Finding(f"image {role}", State.NOTE, versions.message(differences))
    main = {"toolchain": "rustc-web", "qemu": "qemu-system-arm"}[role]
    return Finding(f"image {role}", State.OK, f"{main} {found.packages[main]}")
