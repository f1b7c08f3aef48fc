"""What Cargo has compiled of others' crates goes to another target folder, and nothing of the tree's."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from parity.build import cargo_cache
from parity.build.beneath import Folder
from parity.build.cargo import Message
from parity.build.workspace import Workspace
from parity.report.terminal import Screen
from parity.store.store import Digest, Store, action_key

KEY = action_key(cargo_cache.STAGE, {})
CORE, CRC, SCRIPT, RUN, OWN, OWN_RUN = (digit * 16 for digit in "123456")
OTHERS = {
    f"arm/release/deps/libcore-{CORE}.rlib": "core",
    f"arm/release/deps/core-{CORE}.d": "",
    f"arm/release/.fingerprint/core-{CORE}/lib-core": "whole",
    f"arm/release/deps/libcrc-{CRC}.rmeta": "crc",
    f"arm/release/.fingerprint/crc-{CRC}/lib-crc": "whole",
    f"release/build/crc-{SCRIPT}/build-script-build": "program",
    f"release/.fingerprint/crc-{SCRIPT}/build-script-build-script-build": "whole",
    f"arm/release/build/crc-{RUN}/out/version.rs": "1",
    f"arm/release/.fingerprint/crc-{RUN}/run-build-script-build-script-build": "whole",
}
TREES = {
    ".parity.lock": "",
    "arm/release/kernel": "elf",
    f"arm/release/deps/kernel-{OWN}": "elf",
    f"arm/release/.fingerprint/kernel-{OWN}/bin-kernel": "whole",
    f"arm/release/build/kernel-{OWN_RUN}/out/generated-{CRC}.rs": "not of crc, whatever its name",
}
CRC_ID = "registry+https://github.com/rust-lang/crates.io-index#crc@3.4.0"
CORE_ID = "path+file:///usr/lib/rustlib/src/rust/library/core#0.0.0"
KERNEL_ID = "path+file:///src/kernel/core#parity-kernel@0.1.0"


def artifact(package: str, *places: str) -> Message:
    """Cargo's message about what it has compiled, or found compiled."""
    return Message("compiler-artifact", package, filenames=tuple(f"/target/{place}" for place in places))


def script(package: str, out: str) -> Message:
    """Cargo's message about a build script that has run."""
    return Message("build-script-executed", package, out_dir=f"/target/{out}")


MESSAGES = [
    artifact(CORE_ID, f"arm/release/deps/libcore-{CORE}.rlib"),
    artifact(CRC_ID, f"arm/release/deps/libcrc-{CRC}.rlib", f"arm/release/deps/libcrc-{CRC}.rmeta"),
    artifact(CRC_ID, f"release/build/crc-{SCRIPT}/build-script-build"),
    script(CRC_ID, f"arm/release/build/crc-{RUN}/out"),
    artifact(KERNEL_ID, f"arm/release/deps/kernel-{OWN}"),
    script(KERNEL_ID, f"arm/release/build/kernel-{OWN_RUN}/out"),
    Message("build-finished"),
]


def fill(target: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
        place.chmod(0o755 if content == "program" else 0o644)
        os.utime(place, (1, 1))


def lying(target: Path) -> dict[str, str]:
    return {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}


def fresh(tmp_path: Path) -> Path:
    """A target folder in which nothing is compiled yet."""
    (tmp_path / "fresh").mkdir(exist_ok=True)
    return tmp_path / "fresh"


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A checkout whose store keeps what another one has compiled."""
    compiled = tmp_path / "compiled"
    fill(compiled, OTHERS | TREES)
    space = Workspace(tmp_path / "checkout", tmp_path / "cache", Screen())
    cargo_cache.keep(space, KEY, Folder(compiled), MESSAGES)
    return space


def test_others_crates_are_laid_and_nothing_of_the_trees(space: Workspace, tmp_path: Path) -> None:
    target = fresh(tmp_path)
    assert cargo_cache.lay(space, KEY, Folder(target)) == len(OTHERS)
    assert lying(target) == OTHERS
    (program,) = (path for path in OTHERS if os.access(target / path, os.X_OK))
    assert program.endswith("/build-script-build")
    (time,) = {(target / path).stat().st_mtime_ns for path in OTHERS}
    assert time > 10**9, "older than the sources, it would be stale"


def test_a_unit_that_is_of_the_tree_as_well_is_nobody_elses() -> None:
    both = [*MESSAGES, artifact(KERNEL_ID, f"arm/release/deps/libcrc-{CRC}.rlib")]
    assert cargo_cache.units(MESSAGES) - cargo_cache.units(both) == {CRC}


def test_crates_that_a_lock_file_does_not_pin_are_not_kept() -> None:
    git = "git+https://example.org/crc#3.4.0"
    assert cargo_cache.units([artifact(git, f"arm/release/deps/libcrc-{CRC}.rlib")]) == set()


def test_under_another_key_there_is_nothing(space: Workspace, tmp_path: Path) -> None:
    another = action_key(cargo_cache.STAGE, {"lock": "another"})
    assert cargo_cache.lay(space, another, Folder(fresh(tmp_path))) is None
    assert lying(fresh(tmp_path)) == {}


def test_what_is_there_stays(space: Workspace, tmp_path: Path) -> None:
    target, mine = fresh(tmp_path), f"release/build/crc-{SCRIPT}/build-script-build"
    fill(target, {mine: "compiled here"})
    cargo_cache.lay(space, KEY, Folder(target))
    units = {path: content for path, content in OTHERS.items() if SCRIPT not in path}
    assert lying(target) == {mine: "compiled here", **units}


@pytest.mark.parametrize("whole", range(len(OTHERS)))
def test_killed_meanwhile_it_leaves_no_unit_that_passes_for_whole(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    """Also when it is done again: with the next file half written, that unit is cargo's."""
    target, copy, copied = fresh(tmp_path), Store.copy, list[Digest]()

    def dying(store: Store, digest: Digest, file: BinaryIO) -> None:
        if len(copied) == whole:
            raise KeyboardInterrupt
        copied.append(digest)
        copy(store, digest, file)

    monkeypatch.setattr(Store, "copy", dying)
    monkeypatch.setattr(Folder, "remove", lambda *_: None)  # who is killed removes nothing
    with pytest.raises(KeyboardInterrupt):
        cargo_cache.lay(space, KEY, Folder(target))
    monkeypatch.undo()
    for _ in range(2):
        there = lying(target)
        for path, content in there.items():
            if cargo_cache.FINGERPRINT in path and content:
                (unit,) = cargo_cache.UNIT.findall(path)
                assert all(there[each] == OTHERS[each] for each in OTHERS if unit in each)
        cargo_cache.lay(space, KEY, Folder(target))


def test_where_there_is_no_room_nothing_is_laid(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, copy, sizes = fresh(tmp_path), Store.copy, list[int]()

    def full(store: Store, digest: Digest, file: BinaryIO) -> None:
        copy(store, digest, file)
        sizes.append(file.tell())
        if len(sizes) == len(OTHERS):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "copy", full)
    with pytest.raises(OSError, match="No space left"):
        cargo_cache.lay(space, KEY, Folder(target))
    assert lying(target) == {} and cargo_cache.bare(Folder(target), "arm")
    monkeypatch.undo()
    assert cargo_cache.lay(space, KEY, Folder(target)) == len(OTHERS)
    assert not cargo_cache.bare(Folder(target), "arm")


@pytest.mark.parametrize("place", ["arm", "arm/release", "arm/release/deps", "release"])
def test_a_link_in_the_target_folder_is_not_followed(space: Workspace, tmp_path: Path, place: str) -> None:
    """As a build script may have left one; what it leads to belongs to the host."""
    target, outside = fresh(tmp_path), tmp_path / "outside"
    outside.mkdir()
    (target / place).parent.mkdir(parents=True, exist_ok=True)
    (target / place).symlink_to(outside)
    assert cargo_cache.bare(Folder(target), "arm")
    cargo_cache.lay(space, KEY, Folder(target))
    assert list(outside.iterdir()) == []


def test_what_a_link_leads_to_is_not_kept(space: Workspace, tmp_path: Path) -> None:
    compiled, secret = fresh(tmp_path), tmp_path / "secret"
    secret.write_text("of the host")
    fill(compiled, {path: text for path, text in OTHERS.items() if CRC in path})
    (compiled / "arm/release/deps" / f"libcore-{CORE}.rlib").symlink_to(secret)
    key = action_key(cargo_cache.STAGE, {"other": True})
    cargo_cache.keep(space, key, Folder(compiled), MESSAGES)
    outputs, _ = space.store.lookup(key)
    assert outputs is not None and all(CORE not in path for path in outputs.files)


def test_a_damaged_one_is_said_and_not_laid_and_the_next_build_keeps_it_again(
    space: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = next((tmp_path / "cache" / "blobs").glob("*/*"))
    blob.chmod(0o644)
    blob.write_text("damaged")
    later = Workspace(space.root, space.cache, Screen())
    assert cargo_cache.lay(later, KEY, Folder(fresh(tmp_path))) is None
    assert "is damaged; made again" in capsys.readouterr().out
    cargo_cache.keep(later, KEY, Folder(tmp_path / "compiled"), MESSAGES)
    assert cargo_cache.lay(later, KEY, Folder(fresh(tmp_path))) == len(OTHERS)
