"""Others' crates are compiled once for all checkouts, the tree's own in each: real cargo on a small tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small import COMPILED, PACKAGE, ROOT, TARGET, Small

from parity.build.cargo_cache import FINGERPRINT
from parity.core import host

pytestmark = pytest.mark.docker
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


def make(root: Path, cache: Path) -> Small:
    """A checkout with the crates that this one's lock file has."""
    ours = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("\n\n")
    crates = [part + "\n" for part in ours if '\nname = "crc' in part]
    locked = sorted([*OWN_LOCKED, *crates])
    return Small.make(root, cache, {**FILES, "Cargo.lock": "version = 4\n\n" + "\n".join(locked)})


def compiled(small: Small) -> set[str]:
    """The packages that cargo has compiled here: what was laid all has one time."""
    marks = (small.root / COMPILED / "target" / TARGET / "release" / FINGERPRINT).glob("*/lib-*")
    times = {
        mark.parent.name.rpartition("-")[0]: mark.stat().st_mtime_ns for mark in marks if not mark.suffix
    }
    return {name for name, time in times.items() if time != times["crc"]}


def test_a_fresh_checkout_compiles_its_own_packages_and_no_others(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = make(tmp_path / "first", cache)
    shutil.copytree(host.cache_dir() / "cargo", cache / "cargo", symlinks=True)
    alone = first.built()
    assert compiled(first) == {"own"}, "the crates were compiled before, and by themselves"

    second = make(tmp_path / "second", cache)
    assert second.built() == alone, "the same bytes, whoever has compiled the crates"
    assert compiled(second) == {"own"}

    third = make(tmp_path / "third", cache)
    source = third.root / "own" / "src" / "lib.rs"
    source.write_text(source.read_text().replace("OLD", "NEW"))
    program = third.space.store.read(third.built())
    assert b"here is NEW" in program and b"here is OLD" not in program
    assert compiled(third) == {"own"}
