"""Others' crates are compiled once for all checkouts, the tree's own in each: real cargo on a small tree."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from parity import build, host, tree
from parity.report.terminal import Screen
from parity.seed import FINGERPRINT
from parity.store import Digest
from parity.workspace import Workspace

pytestmark = pytest.mark.docker
ROOT = Path(__file__).parents[2]
TARGET = f"{platform.machine()}-unknown-linux-gnu"
PACKAGE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\n{}\n'
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["app", "own"]\n',
    "app/Cargo.toml": PACKAGE.format("app", 'own = { path = "../own" }\ncrc = "=3.4.0"'),
    "app/src/main.rs": "fn main() { let crc = crc::Crc::<u32>::new(&crc::CRC_32_CKSUM);"
    ' println!("{} {}", own::text(), crc.checksum(own::text().as_bytes())); }\n',
    "own/Cargo.toml": PACKAGE.format("own", ""),
    "own/src/lib.rs": 'pub fn text() -> &\'static str { "here is OLD" }\n',
}
OWN_LOCKED = (
    '[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "crc",\n "own",\n]\n',
    '[[package]]\nname = "own"\nversion = "0.1.0"\n',
)


@dataclass(frozen=True)
class Small:
    """A checkout of the small tree."""

    root: Path
    space: Workspace
    tree: tree.Tree

    @classmethod
    def make(cls, root: Path, cache: Path) -> Small:
        """A new one, in which nothing is compiled yet and nothing is restored."""
        for name, text in FILES.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        ours = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("\n\n")
        crates = [part + "\n" for part in ours if '\nname = "crc' in part]
        locked = sorted([*OWN_LOCKED, *crates])
        (root / "Cargo.lock").write_text("version = 4\n\n" + "\n".join(locked), encoding="utf-8")
        for recipes in ("toolchains", "docker"):
            shutil.copytree(ROOT / recipes, root / recipes)
        programs = tree.CargoBuild(("app",), None, ("Cargo.toml", "Cargo.lock", "app/", "own/"), (), (),
                                   {"here": TARGET})  # fmt: skip
        described = replace(tree.load(ROOT / "trees" / "reference.yaml"), root=root, programs=programs)
        space = Workspace(root, cache, Screen())
        space.history.forget("userspace here")
        return cls(root, space, described)

    def built(self) -> Digest:
        """The program, compiled."""
        return build.programs(self.space, self.tree, "here")["app"]

    def compiled(self) -> set[str]:
        """The packages that cargo has compiled here: what was laid all has one time."""
        marks = (self.root / "build/cargo/programs" / TARGET / "release" / FINGERPRINT).glob("*/lib-*")
        times = {
            mark.parent.name.rpartition("-")[0]: mark.stat().st_mtime_ns for mark in marks if not mark.suffix
        }
        return {name for name, time in times.items() if time != times["crc"]}


def test_a_fresh_checkout_compiles_its_own_packages_and_no_others(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = Small.make(tmp_path / "first", cache)
    shutil.copytree(host.cache_dir() / "cargo", cache / "cargo", symlinks=True)
    alone = first.built()
    assert first.compiled() == {"crc-catalog", "own"}  # and crc, with which they are compared

    second = Small.make(tmp_path / "second", cache)
    assert second.built() == alone, "the same bytes, whoever has compiled the crates"
    assert second.compiled() == {"own"}

    third = Small.make(tmp_path / "third", cache)
    source = third.root / "own" / "src" / "lib.rs"
    source.write_text(source.read_text().replace("OLD", "NEW"))
    program = third.space.store.read(third.built())
    assert b"here is NEW" in program and b"here is OLD" not in program
    assert third.compiled() == {"own"}
