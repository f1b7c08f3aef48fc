"""What cargo's target folder was compiled from decides which times sources get, and whether it is emptied."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from parity.build.beneath import Folder
from parity.build.target import NOTE, Target, declared

MADE_WITH = "compiler and settings"
SOURCES = {"Cargo.toml": "m1", "kernel/main.rs": "a1", "kernel/boot.S": "s1", "link.ld": "l1"}
READ = ("kernel/main.rs", "kernel/boot.S")
HOUR_NS = 3600 * 10**9


class Builds:
    """Builds in one target folder, each in a command of its own."""

    def __init__(self, build: Path) -> None:
        self.build = build
        self.folder = build / "cargo" / "kernel"
        self.compiled = self.folder / "target" / "unit"

    def begin(self, sources: Mapping[str, str], made_with: str = MADE_WITH) -> Mapping[str, int]:
        """The times that sources get; whether the folder was emptied shows in `kept`."""
        with Target.held(self.build, "kernel", made_with) as target:
            return target.begin(sources)

    def build_all(self, sources: Mapping[str, str], read: tuple[str, ...] = READ) -> bool:
        """A build to its end; whether all that has changed is declared."""
        with Target.held(self.build, "kernel", MADE_WITH) as target:
            target.begin(sources)
            self.compiled.touch()
            return target.ended(read)

    @property
    def kept(self) -> bool:
        """Whether what was compiled is still there."""
        return self.compiled.exists()


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    """After a build of SOURCES."""
    builds = Builds(tmp_path / "build")
    assert builds.build_all(SOURCES)
    return builds


def test_what_did_not_change_is_older_than_what_was_compiled(builds: Builds) -> None:
    times = builds.begin(SOURCES)
    assert builds.kept
    assert max(times.values()) <= builds.compiled.stat().st_mtime_ns


@pytest.mark.parametrize("name", [*READ, "Cargo.toml", "other/arch.rs"])
def test_only_what_changed_is_younger_and_stays_so(builds: Builds, name: str) -> None:
    changed = {**SOURCES, name: "another"}
    for _ in range(2):  # the first one is killed, or does not compile
        times = builds.begin(changed)
        assert builds.kept
        compiled = builds.compiled.stat().st_mtime_ns
        assert {each for each, time_ns in times.items() if time_ns > compiled} == {name}
    assert builds.build_all(changed)


def test_what_is_as_it_was_before_a_change_is_younger_all_the_same(builds: Builds) -> None:
    builds.build_all({**SOURCES, "kernel/main.rs": "broken"})
    compiled = builds.compiled.stat().st_mtime_ns
    assert builds.begin(SOURCES)["kernel/main.rs"] > compiled


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_change_that_nothing_declares_to_read_empties_the_folder(builds: Builds, change: str) -> None:
    sources = dict(SOURCES)
    if change == "gone":
        del sources["link.ld"]
    else:
        sources["link.ld"] = "l2"
    builds.begin(sources)
    assert not builds.kept


def test_a_new_source_must_turn_out_to_be_read(builds: Builds) -> None:
    new = {**SOURCES, "kernel/table.bin": "t1"}
    assert builds.build_all(new, (*READ, "kernel/table.bin"))
    new = {**new, "kernel/other.bin": "o1"}
    assert not builds.build_all(new)
    with Target.held(builds.build, "kernel", MADE_WITH) as target:
        target.begin_anew(new)
        assert not builds.kept
        assert target.ended(READ)


@pytest.mark.parametrize("note", ["", "{", "[]", "3", '{"format": 2}', '{"declared": 3}'])
def test_a_folder_of_which_nothing_is_known_is_emptied(builds: Builds, note: str) -> None:
    (builds.folder / NOTE).write_text(note)
    builds.begin(SOURCES)
    assert not builds.kept


def test_a_note_of_another_format_is_not_believed(builds: Builds) -> None:
    place = builds.folder / NOTE
    values, before = json.loads(place.read_text()), place.stat()
    place.write_text(json.dumps({**values, "format": 2}))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    builds.begin(SOURCES)
    assert not builds.kept


def test_another_compiler_begins_with_an_empty_folder(builds: Builds) -> None:
    builds.begin(SOURCES, "another")
    assert not builds.kept


def test_a_folder_from_the_future_is_emptied(builds: Builds) -> None:
    later = time.time_ns() + HOUR_NS
    os.utime(builds.compiled, ns=(later, later))
    builds.begin(SOURCES)
    assert not builds.kept


@pytest.mark.parametrize(("copy", "kept"), [(shutil.copy2, True), (shutil.copyfile, False)])
def test_a_copy_is_as_good_as_its_times(
    builds: Builds, tmp_path: Path, copy: Callable[..., object], kept: bool
) -> None:
    time.sleep(2.1)  # longer than the times' least step, COARSE_NS
    shutil.copytree(builds.folder, tmp_path / "other" / "cargo" / "kernel", copy_function=copy)
    other = Builds(tmp_path / "other")
    other.begin(SOURCES)
    assert other.kept is kept


def test_what_cargo_says_is_read(tmp_path: Path) -> None:
    program = tmp_path / "kernel"
    rule = "/target/x/release/kernel: /src/kernel/main.rs /src/kernel/../link.ld /target/x/out/gen.rs"
    (tmp_path / "kernel.d").write_text(rf"{rule} /src/with\ space.rs /usr/lib/core.rs /srcs/no" + "\n")
    assert declared(Folder(tmp_path), [program.name]) == {"kernel/main.rs", "link.ld", "with space.rs"}
