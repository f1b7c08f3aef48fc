"""Kernels and programs: sources in, ELF files in the store out.

Cargo runs in the toolchain's container on a copy of the sources (parity/build/sources.py) at one fixed path,
so that an ELF is the same from any checkout, and made of what its key says. Crates are fetched with the lock
file in a step of their own; compiling has no network. Cargo's own messages say which file is the result, and
it enters the store before the target folder's lock is given up: no other build can swap it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.build import cargo_cache, sources
from parity.build.sources import Content
from parity.build.target import Target, declared
from parity.build.workspace import Workspace
from parity.core import errors
from parity.core.errors import BuildError, MachineError
from parity.docker import images
from parity.docker.engine import Mount, OnLine
from parity.spec.tree import CargoBuild, Tree
from parity.store.store import Digest, Outputs, action_key, file_digest

SOURCE, TARGET, CARGO_HOME = sources.INSIDE, cargo_cache.TARGET, "/cargo"
CRATES = "registry"  # of cargo's home, all that compiling needs
REGISTRY = f"{CARGO_HOME}/{CRATES}/src"
CARGO_S = 3600.0  # for cargo to end: a cold build on a slow machine, or a fetch over a slow network
LAST_LINES = 20
# What decides, beside the command line, how crates are compiled that are not the tree's.
SETTINGS = ("Cargo.toml", "Cargo.lock", ".cargo/")
COMMAND = ("build", "--frozen", "--message-format=json-render-diagnostics")
HINT = "a build finds what `sources` in the tree's YAML names, and nothing else"
CHECKED_BY = ("clippy.toml", "rustfmt.toml")
ENVIRONMENT = {
    "CARGO_HOME": CARGO_HOME,
    "CARGO_TARGET_DIR": TARGET,
    "CARGO_TERM_COLOR": "never",
    "CARGO_INCREMENTAL": "0",
    # Debian's compiler carries no target but its host's: core and alloc are built from source, which a stable
    # compiler only does when told that it may.
    "RUSTC_BOOTSTRAP": "1",
}


@dataclass(frozen=True)
class Kernel:
    """A built kernel: the ELF's digest and the feature set it was built with."""

    arch: str
    feature_set: str
    elf: Digest


def kernel(space: Workspace, tree: Tree, arch: str, feature_set: str) -> Kernel:
    """The kernel of one architecture and feature set, built or restored.

    Raises:
        BuildError: the tree does not compile.
        MachineError: no Docker, no network, no room.
    """
    features = tree.feature_sets[feature_set].features
    outputs = _cargo(space, tree, tree.kernel, arch, f"kernel {arch}-{feature_set}", features)
    (elf,) = outputs.files.values()
    return Kernel(arch, feature_set, elf)


def programs(space: Workspace, tree: Tree, arch: str) -> dict[str, Digest]:
    """The user programs of one architecture by name, built or restored; raises as `kernel`."""
    return dict(_cargo(space, tree, tree.programs, arch, f"userspace {arch}", ()).files)


def _cargo(
    space: Workspace, tree: Tree, build: CargoBuild, arch: str, title: str, features: Sequence[str]
) -> Outputs:
    """One cargo build, or what the same build gave before."""
    wanted = sources.contents(space.digests, tree.root, build.sources, space.build)
    toolchain = space.image("toolchain").packages_digest
    settings = {"environment": ENVIRONMENT, "rustflags": _flags(build.rustflags), "toolchain": toolchain}
    crates = action_key(
        cargo_cache.STAGE,
        {
            **settings,
            "settings": sources.contents(space.digests, tree.root, SETTINGS),
            "arguments": cargo_arguments(build, arch, ()),  # what other features lack, cargo compiles
        },
    )
    arguments = cargo_arguments(build, arch, features)
    inputs = {**settings, "sources": wanted, "arguments": [*COMMAND, *arguments]}

    def make() -> Outputs:
        fetch(space, tree)
        name = "kernel" if build is tree.kernel else "programs"
        made_with = action_key(name, {**settings, "arguments": build.arguments})
        with Target.held(space.build, name, made_with) as target:

            def compiled(times: Mapping[str, int]) -> list[dict[str, Any]]:
                if cargo_cache.bare(target.place / build.targets[arch]):
                    cargo_cache.lay(space, crates, target.place)
                with sources.copied(space.build, tree.root, wanted, times) as source:
                    return _compile(space, tree, source, arguments, build.rustflags, target.place)

            messages = _compiled(tree, target, wanted, compiled)
            files = executables(messages, target.place)
            outputs = Outputs({name: space.store.put(path) for name, path in files.items()})
            cargo_cache.keep(space, crates, target.place, messages)
        return outputs

    return space.cached_stage("cargo", title, inputs, make)


def _compiled(
    tree: Tree,
    target: Target,
    wanted: Mapping[str, Content],
    compiled: Callable[[Mapping[str, int]], list[dict[str, Any]]],
) -> list[dict[str, Any]]:
    """Cargo's messages about a build that is made of these sources; `compiled` builds, given their times.

    Raises:
        BuildError: it does not compile, or goes by a file that is not among the sources.
    """
    times = target.begin(wanted)
    while True:
        messages = compiled(times)
        read = declared(executables(messages, target.place).values())
        if strangers := sources.undeclared(tree.root, wanted, read):
            raise BuildError(f"goes by what is not among its sources: {', '.join(strangers)}", HINT)
        if target.ended(read):
            return messages
        times = target.begin_anew(wanted)


def cargo_arguments(build: CargoBuild, arch: str, features: Sequence[str]) -> list[str]:
    """What cargo is told to build, after `cargo build`."""
    chosen = [word for package in build.packages for word in ("--package", package)]
    if build.binary:
        chosen += ["--bin", build.binary]
    if features:
        chosen += ["--features", ",".join(features)]
    return ["--release", "--target", build.targets[arch], *chosen, *build.arguments]


def _compile(
    space: Workspace,
    tree: Tree,
    source: Path,
    arguments: Sequence[str],
    rustflags: Sequence[str],
    target: Path,
) -> list[dict[str, Any]]:
    """Runs cargo without network; its messages (JSON objects, documented with `cargo build`)."""
    messages: list[dict[str, Any]] = []
    diagnostics: list[str] = []

    def on_line(stream: str, line: str) -> None:
        if stream == "stdout" and line.startswith("{"):
            messages.append(json.loads(line))
        else:
            diagnostics.append(line)
            space.screen.say(line.strip())

    command = [*COMMAND, *arguments]
    if cargo(space, source, command, target=target, rustflags=rustflags, on_line=on_line) != 0:
        raise _failed(tree, source, diagnostics)
    return messages


def executables(messages: Iterable[Mapping[str, Any]], target: Path) -> dict[str, Path]:
    """The files that cargo's messages name as executables, by the binary's name."""
    return {
        message["target"]["name"]: target / Path(message["executable"]).relative_to(TARGET)
        for message in messages
        if message.get("executable")
    }


def cargo(
    space: Workspace,
    source: Path,
    command: Sequence[str],
    *,
    target: Path,
    rustflags: Sequence[str] = (),
    network: bool = False,
    role: str = "toolchain",
    extra_mounts: Sequence[Mount] = (),
    extra_env: Mapping[str, str] | None = None,
    timeout_s: float = CARGO_S,
    on_line: OnLine,
) -> int:
    """Runs cargo on the tree in the folder `source`, in a container of a tool image; its exit status.

    `target` is cargo's target folder on the host, `rustflags` concern what is built for the guest. Without
    `network` cargo sees fetched crates and nothing else of its home, no settings, and writes nothing there.
    `role` is that of the tool image.

    Raises:
        MachineError: no Docker, no room; cargo did not end within `timeout_s` seconds.
    """
    home = space.cache / "cargo"
    for folder in (home / CRATES, target):
        folder.mkdir(parents=True, exist_ok=True)
    crates = Mount(home / CRATES, f"{CARGO_HOME}/{CRATES}")
    mounts, certificates = images.ca_mounts() if network else ([], {})
    result = space.engine.run_tool(
        space.image(role).id,
        ["cargo", *command],
        mounts=[
            Mount(source, SOURCE),
            Mount(home, CARGO_HOME, read_only=False) if network else crates,
            Mount(target, TARGET, read_only=False),
            *mounts,
            *extra_mounts,
        ],
        env={
            **ENVIRONMENT,
            **certificates,
            "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(_flags(rustflags)),
            **(extra_env or {}),
        },
        workdir=SOURCE,
        network=network,
        on_line=on_line,
        timeout_s=timeout_s,
    )
    return result.status


def checked(
    space: Workspace,
    tree: Tree,
    name: str,
    command: Sequence[str],
    *,
    rustflags: Sequence[str],
    on_line: OnLine,
) -> int:
    """Runs cargo on a copy of all of the tree's sources, in a target folder of that name; its exit status."""
    wanted = _all_sources(space, tree)
    toolchain = space.image("toolchain").packages_digest
    made_with = action_key(name, {"environment": ENVIRONMENT, "rustflags": rustflags, "toolchain": toolchain})
    with (
        Target.held(space.build, name, made_with) as target,
        sources.copied(space.build, tree.root, wanted, target.begin(wanted)) as source,
    ):
        target.ended(wanted)  # what is checked is not kept: cargo may go by the times alone
        return cargo(space, source, command, target=target.place, rustflags=rustflags, on_line=on_line)


def copied(space: Workspace, tree: Tree) -> AbstractContextManager[Path]:
    """A folder with a copy of all of the tree's sources, until the block ends."""
    return sources.copied(space.build, tree.root, _all_sources(space, tree), {})


def _all_sources(space: Workspace, tree: Tree) -> dict[str, Content]:
    patterns = (*tree.kernel.sources, *tree.programs.sources, *CHECKED_BY)
    return sources.contents(space.digests, tree.root, patterns, space.build)


def _flags(rustflags: Sequence[str]) -> list[str]:
    """What the compiler is told of everything that is built for the guest."""
    return [*rustflags, f"--remap-path-prefix={SOURCE}/=", f"--remap-path-prefix={REGISTRY}=crates"]


def _failed(tree: Tree, source: Path, diagnostics: Sequence[str]) -> BuildError | MachineError:
    """The error a failed cargo deserves: what this machine lacks is its fault, the rest the tree's."""
    output = "\n".join(line for line in diagnostics if not line.strip().startswith("Compiling "))
    if cause := errors.machine_problem(diagnostics):
        words = "\n  ".join(diagnostics[-LAST_LINES:])
        return MachineError(f"{cause} while compiling in build/", hint=words)
    strangers = sources.outside(tree.root, source, output)
    said = f", and names what is not among its sources: {', '.join(strangers)}" if strangers else ""
    lacks = strangers or "No such file or directory" in output
    return BuildError(f"does not compile{said}", HINT if lacks else None, output=output)


def fetch(space: Workspace, tree: Tree) -> None:
    """Downloads the crates of the lock file, and those of the standard library's, once per lock file."""
    locked = tree.root / "Cargo.lock"
    if not locked.is_file():
        raise BuildError(f"{locked} is missing", hint="run: cargo generate-lockfile")
    home = space.cache / "cargo"
    name = f"{file_digest(locked)[:16]}-{space.image('toolchain').packages_digest[:16]}"
    # Inside cargo's own folder: whoever deletes the crates deletes the mark that they are there.
    mark = home / ".parity-fetched" / name
    if mark.exists():
        return
    mark.parent.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []

    def on_line(_stream: str, line: str) -> None:
        lines.append(line)
        space.screen.say(line.strip())

    command = ["fetch", "--locked", "-Zbuild-std=core,alloc"]
    if (
        cargo(
            space, tree.root, command, target=space.build / "cargo" / "fetch", network=True, on_line=on_line
        )
        != 0
    ):
        text = "\n  ".join(lines[-LAST_LINES:])
        if cause := errors.machine_problem(lines):
            raise MachineError(f"{cause} while crates are fetched to {home}", text)
        if "--locked" in text and "lock file" in text:
            raise BuildError("Cargo.lock does not fit the Cargo.toml files", output=text)
        raise MachineError(f"crates could not be fetched:\n  {text}", "is the crates registry reachable?")
    mark.touch()
