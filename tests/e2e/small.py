"""A small tree for real cargo: a program and a library of its own, for the host, compiled in seconds."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from parity import build, tree
from parity.report.terminal import Screen
from parity.store import Digest
from parity.workspace import Workspace

ROOT = Path(__file__).parents[2]
TARGET = f"{platform.machine()}-unknown-linux-gnu"
COMPILED = Path("build", "cargo", "programs")
PACKAGE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\n{}\n'
SOURCES = ("Cargo.toml", "Cargo.lock", "app/", "own/")


@dataclass(frozen=True)
class Small:
    """A checkout of a small tree whose program is called `app`."""

    root: Path
    space: Workspace
    tree: tree.Tree

    @classmethod
    def make(cls, root: Path, cache: Path, files: Mapping[str, str]) -> Small:
        """A new one, in which nothing is compiled yet and nothing is restored."""
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        for recipes in ("toolchains", "docker"):
            shutil.copytree(ROOT / recipes, root / recipes)
        programs = tree.CargoBuild(("app",), None, SOURCES, (), (), {"here": TARGET})
        described = replace(tree.load(ROOT / "trees" / "reference.yaml"), root=root, programs=programs)
        space = Workspace(root, cache, Screen())
        space.history.forget("userspace here")
        return cls(root, space, described)

    def again(self) -> Small:
        """The same checkout in a new command."""
        return replace(self, space=Workspace(self.root, self.space.cache, Screen()))

    def built(self) -> Digest:
        """The program, compiled or restored."""
        return build.programs(self.space, self.tree, "here")["app"]

    def program(self) -> bytes:
        """The bytes of the program that a new command gives."""
        small = self.again()
        return small.space.store.read(small.built())
