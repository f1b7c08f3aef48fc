"""Content alone decides what is compiled: a small tree, real cargo, and sources that lie about their age."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small import COMPILED, PACKAGE, Small

from parity.core import host
from parity.core.errors import BuildError, UserError
from parity.docker.engine import Engine, Mount, ToolResult

pytestmark = pytest.mark.docker

LIBRARY, SCRIPT, READ = "own/src/lib.rs", "own/build.rs", "own/word.txt"
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["app", "own"]\n',
    "Cargo.lock": "version = 4\n\n"
    '[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = [\n "own",\n]\n\n'
    '[[package]]\nname = "own"\nversion = "0.1.0"\n',
    "app/Cargo.toml": PACKAGE.format("app", 'own = { path = "../own" }'),
    "app/src/main.rs": 'fn main() { println!("{} {}", own::text(), own::WORD); }\n',
    "own/Cargo.toml": PACKAGE.format("own", ""),
    LIBRARY: 'pub const WORD: &str = env!("WORD");\npub fn text() -> &\'static str { "library OLD" }\n',
    READ: "script OLD",
    SCRIPT: 'fn main() { println!("cargo::rerun-if-changed=word.txt"); println!("cargo::rustc-env=WORD={}",'
    ' std::fs::read_to_string("word.txt").unwrap().trim()); }\n',
}
DECLARES = 'println!("cargo::rerun-if-changed=word.txt");'
# Declares nothing but itself, and goes by something else.
CHOOSING = (
    'fn main() { println!("cargo::rerun-if-changed=build.rs"); println!("cargo::rustc-env=WORD=script {}",'
    ' if CONDITION { "NEW" } else { "OLD" }); }\n'
)


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """A checkout on a store of its own, with the crates that the session's has fetched."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "cargo").symlink_to(host.cache_dir() / "cargo")
    return Small.make(tmp_path / "checkout", cache, FILES)


def write(small: Small, name: str, text: str) -> Path:
    place = small.root / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def newer(small: Small, name: str) -> None:
    """Another content, which is as old as the former one."""
    place = small.root / name
    before = place.stat()
    place.write_text(place.read_text(encoding="utf-8").replace("OLD", "NEW"), encoding="utf-8")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))


def words(program: bytes) -> dict[str, str]:
    """What the program was compiled from, by who has read it."""
    return {
        who: word
        for who in ("library", "script")
        for word in ("OLD", "NEW")
        if f"{who} {word}".encode() in program
    }


EITHER = pytest.mark.parametrize(("name", "who"), [(LIBRARY, "library"), (READ, "script")])
BOTH_OLD = {"library": "OLD", "script": "OLD"}


@EITHER
def test_a_source_that_is_put_in_place_with_an_old_time_is_compiled(
    small: Small, name: str, who: str
) -> None:
    first = small.program()
    assert words(first) == BOTH_OLD
    newer(small, name)
    assert words(small.program()) == {**BOTH_OLD, who: "NEW"}
    write(small, name, FILES[name])
    os.utime(small.root / name, (1, 1))
    assert small.program() == first


@EITHER
def test_a_source_that_is_moved_back_over_a_broken_one_is_compiled(small: Small, name: str, who: str) -> None:
    """As `mv f f.bak; edit; build; mv f.bak f` has it, with nothing restored."""
    small.built()
    place = small.root / name
    backup = place.rename(place.with_name("bak"))
    write(small, name, FILES[name].replace("OLD", "NEW"))
    assert words(small.program()) == {**BOTH_OLD, who: "NEW"}
    backup.rename(place)
    again = small.again()
    again.space.history.forget("userspace here")
    assert words(again.space.store.read(again.built())) == BOTH_OLD


@EITHER
def test_a_target_folder_that_is_an_hour_ahead_hides_no_change(small: Small, name: str, who: str) -> None:
    small.built()
    paths = {path.lstat().st_ino: path for path in (small.root / COMPILED).rglob("*")}  # with all its names
    for path in paths.values():
        later = path.lstat().st_mtime_ns + 3600 * 10**9
        os.utime(path, ns=(later, later), follow_symlinks=False)
    write(small, name, FILES[name].replace("OLD", "NEW"))
    assert words(small.program()) == {**BOTH_OLD, who: "NEW"}


def while_cargo_builds(
    monkeypatch: pytest.MonkeyPatch, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    """Does something before and after cargo compiles, where nobody looks at the sources."""
    run = Engine.run_tool

    def watched(engine: Engine, image: str, argv: list[str], **more: Any) -> ToolResult:
        if list(argv[:2]) != ["cargo", "build"] or "--keep-going" in argv:  # of others' crates
            return run(engine, image, argv, **more)
        begin()
        try:
            return run(engine, image, argv, **more)
        finally:
            end()

    monkeypatch.setattr(Engine, "run_tool", watched)


@EITHER
def test_a_source_that_is_swapped_while_cargo_runs_is_not_compiled(
    small: Small, monkeypatch: pytest.MonkeyPatch, name: str, who: str
) -> None:
    place = small.root / name
    before = place.stat()

    def back() -> None:
        write(small, name, FILES[name])
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    while_cargo_builds(monkeypatch, lambda: newer(small, name), back)
    assert words(small.program()) == BOTH_OLD


def test_a_target_folder_that_was_copied_without_its_times_hides_no_change(small: Small) -> None:
    """Of two programs in one target folder, only one is built after a change; then all gets one time."""
    small.built()
    newer(small, LIBRARY)
    aside = small.root.with_name("aside")
    shutil.copytree(small.root / COMPILED, aside, copy_function=shutil.copyfile)
    shutil.rmtree(small.root / COMPILED)
    shutil.copytree(aside, small.root / COMPILED, copy_function=shutil.copyfile)
    assert words(small.program()) == {**BOTH_OLD, "library": "NEW"}


def test_what_another_version_of_parity_compiled_there_hides_no_change(small: Small) -> None:
    """One that mounts the sources themselves, and knows nothing of what we note about a target folder."""
    small.built()
    sources = small.root / LIBRARY
    newer(small, LIBRARY)
    status = small.space.engine.run_tool(
        small.space.image("toolchain").id,
        ["cargo", "build", "--frozen", "--release", "--package", "app"],
        mounts=[
            Mount(small.root, "/src"),
            Mount(small.space.cache / "cargo", "/cargo", read_only=False),
            Mount(small.root / COMPILED, "/target", read_only=False),
        ],
        env={"CARGO_HOME": "/cargo", "CARGO_TARGET_DIR": "/target", "RUSTC_BOOTSTRAP": "1"},
        workdir="/src",
    ).status
    assert status == 0
    sources.write_text(FILES[LIBRARY])
    again = small.again()
    again.space.history.forget("userspace here")
    assert words(again.space.store.read(again.built())) == BOTH_OLD


@pytest.mark.parametrize(
    "declares", ["", DECLARES.replace("word.txt", "build.rs"), DECLARES.replace("word.txt", ".")]
)
def test_a_file_that_a_build_script_reads_and_does_not_name_is_compiled(small: Small, declares: str) -> None:
    write(small, SCRIPT, FILES[SCRIPT].replace(DECLARES, declares))
    small.built()
    newer(small, READ)
    assert words(small.program()) == {**BOTH_OLD, "script": "NEW"}


def test_a_file_more_or_less_in_a_folder_that_a_build_script_lists_is_compiled(small: Small) -> None:
    write(
        small,
        SCRIPT,
        CHOOSING.replace("CONDITION", 'std::path::Path::new("there").exists()'),
    )
    assert words(small.program())["script"] == "OLD"
    there = write(small, "own/there", "")
    assert words(small.program())["script"] == "NEW"
    there.unlink()
    again = small.again()
    again.space.history.forget("userspace here")
    assert words(again.space.store.read(again.built()))["script"] == "OLD"


def test_a_bit_that_makes_a_source_a_program_counts(small: Small) -> None:
    write(
        small,
        SCRIPT,
        CHOOSING.replace("CONDITION", 'std::process::Command::new("./word.sh").status().is_ok()'),
    )
    script = write(small, "own/word.sh", "#!/bin/sh\n")
    assert words(small.program())["script"] == "OLD"
    script.chmod(0o755)
    assert words(small.program())["script"] == "NEW"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (LIBRARY, FILES[LIBRARY] + 'pub const BESIDE: &str = include_str!("../../beside.txt");\n'),
        (LIBRARY, FILES[LIBRARY] + '#[path = "../../beside.rs"]\nmod beside;\n'),
        (SCRIPT, FILES[SCRIPT].replace("if-changed=word.txt", "if-changed=../beside.txt")),
    ],
)
def test_a_file_outside_the_sources_is_named_and_not_read(small: Small, name: str, text: str) -> None:
    write(small, "beside.txt", "OLD")
    write(small, "beside.rs", "")
    write(small, name, text)
    with pytest.raises(BuildError) as error:
        small.built()
    assert "beside." in str(error.value) and "sources" in str(error.value)


def test_a_build_script_that_finds_no_file_is_told_where_it_looks(small: Small) -> None:
    write(small, "beside.txt", "OLD")
    write(small, SCRIPT, FILES[SCRIPT].replace('read_to_string("word', 'read_to_string("../beside'))
    with pytest.raises(BuildError, match="a build sees only the files that `sources`"):
        small.built()


def test_what_a_link_leads_to_is_a_source_as_long_as_it_is_in_the_tree(small: Small) -> None:
    shared = write(small, "shared/word.rs", 'pub const TEXT: &str = "library OLD";\n')
    (small.root / "own" / "linked").symlink_to("../shared")
    write(
        small,
        LIBRARY,
        'pub const WORD: &str = env!("WORD");\n#[path = "../linked/word.rs"]\nmod word;\n'
        "pub fn text() -> &'static str { word::TEXT }\n",
    )
    assert words(small.program()) == BOTH_OLD
    shared.write_text(shared.read_text().replace("OLD", "NEW"))
    assert words(small.program()) == {**BOTH_OLD, "library": "NEW"}


@pytest.mark.parametrize(("link", "complaint"), [("../../outside", "outside"), ("../own", "leads back")])
def test_a_link_that_leads_out_of_the_tree_or_round_is_refused(
    small: Small, link: str, complaint: str
) -> None:
    (small.root.parent / "outside").mkdir()
    (small.root / "own" / "linked").symlink_to(link)
    with pytest.raises(UserError, match=complaint) as error:
        small.built()
    assert "own/linked" in str(error.value)


JUNK = (".lib.rs.swp", "lib.rs~", "#lib.rs#", ".DS_Store", "4913")


def test_editors_junk_is_no_source_and_interrupts_no_build(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = (small.root / LIBRARY).parent, list[int]()

    def comes() -> None:
        made.append(1)
        (folder / ".#lib.rs").symlink_to("somebody@somewhere.1:1")
        for name in JUNK:
            (folder / name).write_text("junk")

    def goes() -> None:
        for name in (".#lib.rs", *JUNK):
            (folder / name).unlink()

    while_cargo_builds(monkeypatch, comes, lambda: None)
    small.built()
    small.again().built()  # with it
    goes()
    small.again().built()  # without it
    assert made == [1], "cargo ran once"
