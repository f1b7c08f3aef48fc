"""The tests of Parity itself: linters, types, the kernel's crates, and pytest, each callable alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from parity.build import cargo_build
from parity.core import command
from tasks import mutants
from tasks.session import current, group, task

BIN = Path(sys.executable).parent
STD = ("-Zbuild-std=core,alloc", "-Zbuild-std-features=compiler-builtins-mem")
HOST_CRATES = (
    "parity-abi",
    "parity-record",
    "parity-elf",
    "parity-ext2",
    "parity-inventory",
    "parity-multiboot2",
    "parity-trace",
    "parity-tty",
)
MODELLED = ("parity-trace",)  # crates with a model for loom, which tries every order of their threads' steps
WORKERS = "2"  # of pytest, side by side: half of the time an end-to-end test waits
PYTHON = {
    "ruff": ("ruff", "check"),
    "format": ("ruff", "format", "--check"),
    "mypy": ("mypy",),
    "imports": ("lint-imports", "--no-logo"),
    "unit": ("pytest", "-n", WORKERS, "-m", "not docker and not thorough and not attack"),
    "attacks": ("pytest", "-n", WORKERS, "-m", "attack and not thorough"),
    # Tests of one file share what they make. Files come by name: xdist would start those with few tests last,
    # which take long. A line per test: some take minutes.
    "e2e": (
        *("pytest", "-v", "-n", WORKERS, "--dist=loadfile", "--no-loadscope-reorder", "--durations=20"),
        *("-m", "docker and not thorough and not attack"),
    ),
}


def task_check() -> Iterator[Any]:
    """Parity's own tests: linters, types, kernel crates, pytest (what CI runs)"""
    parts = [
        task(f"check:{name}", " ".join(PYTHON[name]), python, name)
        for name in ("ruff", "format", "mypy", "imports")
    ]
    parts.append(task("check:rustfmt", "cargo fmt --check", rust, "rustfmt", after=["images:toolchain"]))
    parts.append(task("check:clippy", "cargo clippy", rust, "clippy", after=["images:toolchain"]))
    parts.append(
        task("check:crates", "cargo test of the pure crates", rust, "crates", after=["images:toolchain"])
    )
    parts.append(task("check:loom", "loom models of the crates", rust, "loom", after=["images:toolchain"]))
    parts.append(
        task(
            "check:mutants",
            "a sample of the crates' mutants",
            mutants.sample,
            after=["images:toolchain", mutants.IMAGE],
            outputs=mutants.OUTPUTS,
        )
    )
    parts.append(task("check:unit", "pytest, without Docker", python, "unit"))
    parts.append(task("check:attacks", "a sample of the attacks", python, "attacks", after=["images"]))
    # What is built here seeds the store of the end-to-end tests: they compile only what they change.
    after = ["images", "build_kernel", "userspace"]
    parts.append(task("check:e2e", "pytest, with real guests", python, "e2e", after=after))
    yield from group("check", str(task_check.__doc__), parts)
    yield from group("check:pytest", "check:unit, check:attacks and check:e2e", parts[-3:])[:1]


def python(name: str) -> bool:
    """Runs a Python tool over the checkout; whether it is content."""
    program, *arguments = PYTHON[name]
    return _said([str(BIN / program), *arguments])


def _said(words: Sequence[str]) -> bool:
    session = current()
    screen, root = session.screen, session.space.root
    screen.note(f"+ {' '.join([Path(words[0]).name, *words[1:]])}")
    if screen.console.is_terminal:
        return command.foreground(words, cwd=root) == 0
    # By way of us: where the reader of a pipe goes away, the tool's status stays its own.
    return (
        command.run(words, lambda line: screen.console.out(line, highlight=False), cwd=root, timeout_s=None)
        == 0
    )


def rust(name: str) -> bool:
    """Runs cargo's side of the checks in the toolchain's container; whether all of it is content."""
    session = current()
    tree = session.tree
    cargo_build.fetch(session.space, tree)
    return all(_cargo(name, words) for words in _commands(name))


def _commands(name: str) -> list[list[str]]:
    tree = current().tree
    if name == "rustfmt":
        return [["fmt", "--check"]]
    if name == "loom":
        return [["test", "--frozen", "--release", "--lib", *_packages(MODELLED)]]
    if name == "crates":
        return [["test", "--frozen", *_packages(HOST_CRATES)]]
    commands = [["--all-targets", *_packages(HOST_CRATES)]]
    for arch in tree.archs:
        kernel = ["--target", tree.kernel.targets[arch], *_packages(tree.kernel.packages)]
        programs = ["--target", tree.programs.targets[arch], *_packages(tree.programs.packages)]
        every = sorted({name for each in tree.feature_sets.values() for name in each.features})
        # Code that a feature leaves out is not linted.
        kernels = (tree.feature_sets[tree.run.features].features, every)
        commands += [["--release", *kernel, "--features", ",".join(names), *STD] for names in kernels]
        commands.append(["--release", *programs, *STD])
    return [["clippy", "--frozen", *command, "--", "-D", "warnings"] for command in commands]


def _packages(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--package", name)]


def _cargo(name: str, words: Sequence[str]) -> bool:
    session = current()
    session.screen.note(f"+ cargo {' '.join(words)}")
    lines: list[str] = []

    def on_line(_stream: str, line: str) -> None:
        lines.append(line)
        session.screen.say(line.strip())

    with session.screen.stage(f"cargo {words[0]}"):
        status = cargo_build.checked(
            session.space,
            session.tree,
            "loom" if name == "loom" else "check",
            words,
            rustflags=("--cfg=loom",) if name == "loom" else (),
            on_line=on_line,
        )
    shown = [line for line in lines if status != 0 or line.startswith("test result")]
    for line in shown:
        session.screen.note(line)
    return status == 0
