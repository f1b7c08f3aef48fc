"""Builds kernels and programs: from sources to ELF files in the store.

Cargo runs in the toolchain's container on a copy of the sources (parity/build/sources.py). The copy is always
at the same path, so that every checkout gives the same ELF. The key contains the digests of the sources.
Crates are fetched in a separate step (parity/build/crates.py), because compilation has no network. The ELF
files are stored before the target folder is unlocked, so that no other build can replace them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from parity.build import cargo_cache, jail, sources
from parity.build.cargo import ENVIRONMENT as ENVIRONMENT
from parity.build.cargo import RELEASE, Heard, Message, executables, flags, target_folder
from parity.build.cargo import SOURCE as SOURCE
from parity.build.cargo import run as cargo
from parity.build.crates import fetch as fetch
from parity.build.sources import Content
from parity.build.target import Target, declared
from parity.build.workspace import Workspace
from parity.core import errors
from parity.core.errors import BuildError, MachineError
from parity.docker.engine import OnLine
from parity.spec.tree import CargoBuild, Tree
from parity.store.store import Digest, Outputs, action_key

LAST_LINES = 20
COMMAND = ("build", "--frozen", "--message-format=json-render-diagnostics")
HINT = "a build sees only the files that `sources` in the tree's YAML names"
CHECKED_BY = ("clippy.toml", "rustfmt.toml")
# The kernel's messages to a program that exceeds a limit of its container, and the cause.
USED_UP = {
    "Cannot fork": "it starts too many processes and threads",
    "Resource temporarily unavailable": "it starts too many processes and threads",
    "(signal: 25": "it writes a file that is too large",  # SIGXFSZ
    "File too large": "it writes a file that is too large",
}
QUOTED = re.compile(r"^\s*\d*\s*\|")  # a compiler's quotation of a source


@dataclass(frozen=True)
class Kernel:
    """A built kernel: the ELF's digest and the feature set it was built with."""

    arch: str
    feature_set: str
    elf: Digest


def kernel(space: Workspace, tree: Tree, arch: str, feature_set: str) -> Kernel:
    """The kernel of one architecture and feature set, built or restored.

    Raises:
        BuildError: the tree does not compile, or the build exceeds a limit.
        MachineError: Docker or the network does not work, or the disk is full.
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
    """The outputs of one cargo build, built or restored."""
    wanted = sources.contents(space.digests, tree.root, build.sources, space.build)
    toolchain = space.image("toolchain").packages_digest
    settings = {"environment": ENVIRONMENT, "rustflags": flags(build.rustflags), "toolchain": toolchain}
    command = [*COMMAND, *cargo_arguments(build, arch, features)]
    inputs = {**settings, "sources": wanted, "arguments": command}

    def make() -> Outputs:
        fetch(space, tree)
        name = "kernel" if build is tree.kernel else "programs"
        runs = sources.that_run(tree.root, wanted)
        made_with = action_key(name, {**settings, "arguments": build.arguments, "runs": runs})
        with Target.held(space.build, name, made_with) as target:

            def compiled(times: Mapping[str, int]) -> dict[str, str]:
                if cargo_cache.bare(target.folder, target_folder(build.targets[arch])):
                    # Without features; Cargo compiles the crates that the features need in addition.
                    others = [*COMMAND, *cargo_arguments(build, arch, ())]
                    flags = build.rustflags
                    cargo_cache.provide(space, settings, wanted, tree.root, others, flags, target.folder)
                with sources.copied(space.build, tree.root, wanted, times) as source:
                    messages = _compile(space, tree, source, command, build.rustflags, target.place)
                return _programs(build, arch, messages)

            files = _compiled(tree, target, wanted, compiled)
            return Outputs({name: space.taken(target.folder, path) for name, path in files.items()})

    return space.cached_stage("cargo", title, inputs, make)


def _programs(build: CargoBuild, arch: str, messages: Sequence[Message]) -> dict[str, str]:
    """The programs of a build: name → path below the target folder.

    Raises:
        BuildError: the build did not produce exactly the expected program.
    """
    found = executables(messages, build.targets[arch])
    if build.binary and set(found) != {build.binary}:
        gave = ", ".join(sorted(found)) or "nothing"
        raise BuildError(f"the build must produce the program {build.binary}, but produced {gave}")
    return found


def _compiled(
    tree: Tree,
    target: Target,
    wanted: Mapping[str, Content],
    compiled: Callable[[Mapping[str, int]], dict[str, str]],
) -> dict[str, str]:
    """The programs of a build of these sources. `compiled` builds them, given the times of the copied files.

    Raises:
        BuildError: the build fails, or reads a file that is not among the sources.
    """
    times = target.begin(wanted)
    while True:
        files = compiled(times)
        read = declared(target.folder, files.values())
        if strangers := sources.undeclared(tree.root, wanted, read):
            raise BuildError(f"the build reads files outside its sources: {', '.join(strangers)}", HINT)
        if target.ended(read):
            return files
        times = target.begin_anew(wanted)


def cargo_arguments(build: CargoBuild, arch: str, features: Sequence[str]) -> list[str]:
    """The arguments after `cargo build` that select what to build."""
    chosen = [word for package in build.packages for word in ("--package", package)]
    if build.binary:
        chosen += ["--bin", build.binary]
    if features:
        chosen += ["--features", ",".join(features)]
    return [f"--{RELEASE}", "--target", build.targets[arch], *chosen, *build.arguments]


def _compile(
    space: Workspace,
    tree: Tree,
    source: Path,
    command: Sequence[str],
    rustflags: Sequence[str],
    target: Path,
) -> list[Message]:
    """Runs cargo; returns its messages."""
    heard = Heard(space)
    if cargo(space, source, command, target=target, rustflags=rustflags, on_line=heard) != 0:
        raise _failed(tree, source, heard.diagnostics)
    return heard.messages


def checked(
    space: Workspace,
    tree: Tree,
    name: str,
    command: Sequence[str],
    *,
    rustflags: Sequence[str],
    on_line: OnLine,
) -> int:
    """Runs cargo on a copy of all sources of the tree, with the target folder `name`; its exit status."""
    wanted = _all_sources(space, tree)
    toolchain = space.image("toolchain").packages_digest
    made_with = action_key(name, {"environment": ENVIRONMENT, "rustflags": rustflags, "toolchain": toolchain})
    with (
        Target.held(space.build, name, made_with) as target,
        sources.copied(space.build, tree.root, wanted, target.begin(wanted)) as source,
    ):
        target.ended(wanted)  # a check stores no outputs, so cargo can rely on the times
        return cargo(space, source, command, target=target.place, rustflags=rustflags, on_line=on_line)


def copied(space: Workspace, tree: Tree) -> AbstractContextManager[Path]:
    """A folder with a copy of all sources of the tree, until the block ends."""
    return sources.copied(space.build, tree.root, _all_sources(space, tree), {})


def _all_sources(space: Workspace, tree: Tree) -> dict[str, Content]:
    patterns = (*tree.kernel.sources, *tree.programs.sources, *CHECKED_BY)
    return sources.contents(space.digests, tree.root, patterns, space.build)


def _failed(tree: Tree, source: Path, diagnostics: Sequence[str]) -> BuildError | MachineError:
    """The error for a failed cargo: MachineError if this machine is the cause, else BuildError."""
    output = "\n".join(line for line in diagnostics if not line.strip().startswith("Compiling "))
    spoken = "\n".join(line for line in diagnostics if not QUOTED.match(line))
    for sign, what in USED_UP.items():
        if sign in spoken:
            return BuildError(f"the build failed: {what}", output=output)
    if cause := errors.machine_problem(diagnostics):
        limit = [f"a build can use {jail.limits().memory_mib} MiB of memory"] if "memory" in cause else []
        words = "\n  ".join([*diagnostics[-LAST_LINES:], *limit])
        return MachineError(f"{cause} while compiling in build/", hint=words)
    strangers = sources.outside(tree.root, source, output)
    said = f", and names files that are not among its sources: {', '.join(strangers)}" if strangers else ""
    lacks = strangers or "No such file or directory" in output
    return BuildError(f"does not compile{said}", HINT if lacks else None, output=output)
