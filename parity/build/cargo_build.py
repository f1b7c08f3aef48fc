"""Kernels and programs: sources in, ELF files in the store out.

Cargo runs in the toolchain's container on a copy of the sources (parity/build/sources.py) at one fixed path,
so that an ELF is the same from any checkout, and its key names what it was made of. Crates are fetched in a
step of their own (parity/build/crates.py); compiling has no network. The result enters the store before the
target folder's lock is released, so that no other build can replace it.
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
HINT = "a build finds what `sources` in the tree's YAML names, and nothing else"
CHECKED_BY = ("clippy.toml", "rustfmt.toml")
# What the kernel says to a program that has used up a limit of its container.
USED_UP = {
    "Cannot fork": "it starts more processes and threads than it may",
    "Resource temporarily unavailable": "it starts more processes and threads than it may",
    "(signal: 25": "it writes a file that is larger than it may be",  # SIGXFSZ
    "File too large": "it writes a file that is larger than it may be",
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
        BuildError: the tree does not compile, or uses more than a build may.
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
                    # With no features: what others need more, Cargo compiles.
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
    """The programs that a build gave, by name: paths below the target folder.

    Raises:
        BuildError: they are not those that the build was to give.
    """
    found = executables(messages, build.targets[arch])
    if build.binary and set(found) != {build.binary}:
        gave = ", ".join(sorted(found)) or "nothing"
        raise BuildError(f"the build was to give the program {build.binary}, and gave {gave}")
    return found


def _compiled(
    tree: Tree,
    target: Target,
    wanted: Mapping[str, Content],
    compiled: Callable[[Mapping[str, int]], dict[str, str]],
) -> dict[str, str]:
    """The programs of a build that is made of these sources; `compiled` builds, given their times.

    Raises:
        BuildError: it does not compile, or goes by a file that is not among the sources.
    """
    times = target.begin(wanted)
    while True:
        files = compiled(times)
        read = declared(target.folder, files.values())
        if strangers := sources.undeclared(tree.root, wanted, read):
            raise BuildError(f"goes by what is not among its sources: {', '.join(strangers)}", HINT)
        if target.ended(read):
            return files
        times = target.begin_anew(wanted)


def cargo_arguments(build: CargoBuild, arch: str, features: Sequence[str]) -> list[str]:
    """What cargo is told to build, after `cargo build`."""
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
    """Runs cargo; its messages."""
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


def _failed(tree: Tree, source: Path, diagnostics: Sequence[str]) -> BuildError | MachineError:
    """The error for a cargo that failed: what this machine lacks is no mistake of the tree."""
    output = "\n".join(line for line in diagnostics if not line.strip().startswith("Compiling "))
    spoken = "\n".join(line for line in diagnostics if not QUOTED.match(line))
    for sign, what in USED_UP.items():
        if sign in spoken:
            return BuildError(f"the build failed: {what}", output=output)
    if cause := errors.machine_problem(diagnostics):
        limit = [f"a build may use {jail.limits().memory_mib} MiB of memory"] if "memory" in cause else []
        words = "\n  ".join([*diagnostics[-LAST_LINES:], *limit])
        return MachineError(f"{cause} while compiling in build/", hint=words)
    strangers = sources.outside(tree.root, source, output)
    said = f", and names what is not among its sources: {', '.join(strangers)}" if strangers else ""
    lacks = strangers or "No such file or directory" in output
    return BuildError(f"does not compile{said}", HINT if lacks else None, output=output)
