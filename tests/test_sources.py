"""Which files are sources, and that a build's copy holds what was hashed and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parity.build import sources
from parity.core.errors import InfraError, UserError
from parity.store.store import FileDigests

FILES = ("Cargo.toml", "kernel/Cargo.toml", "kernel/src/main.rs", "kernel/src/.hidden.rs", "user/Cargo.toml",
         "user/src/lib.rs", "build/cargo/x/main.rs")  # fmt: skip
JUNK = ("main.rs~", ".main.rs.swp", ".#main.rs", "#main.rs#", ".DS_Store", "4913", "._main.rs")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree."""
    for name in FILES:
        place = tmp_path / "tree" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(name)
    return tmp_path / "tree"


def contents(root: Path, *patterns: str) -> dict[str, str]:
    return sources.contents(FileDigests(), root, patterns, root / "build")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("kernel/", ["kernel/Cargo.toml", "kernel/src/.hidden.rs", "kernel/src/main.rs"]),
        ("*/Cargo.toml", ["kernel/Cargo.toml", "user/Cargo.toml"]),
        ("*/src/", ["kernel/src/.hidden.rs", "kernel/src/main.rs", "user/src/lib.rs"]),
        ("Cargo.toml", ["Cargo.toml"]),
        ("user", []),
        ("nothing/", []),
        ("./", sorted(FILES[:-1])),
    ],
)
def test_sources_are_files_folders_and_patterns(root: Path, pattern: str, found: list[str]) -> None:
    assert sorted(contents(root, pattern)) == found


def test_content_and_mode_count_and_time_does_not(root: Path) -> None:
    place = root / "kernel/src/main.rs"
    before = contents(root, "kernel/")
    os.utime(place, (1, 1))
    assert contents(root, "kernel/") == before
    place.chmod(0o755)
    assert contents(root, "kernel/") != before
    place.chmod(0o644)
    place.write_text("another")
    assert contents(root, "kernel/") != before


@pytest.mark.parametrize("pattern", ["kernel/", "kernel/src/*"])
def test_junk_and_what_leads_nowhere_is_no_source(root: Path, pattern: str) -> None:
    before = contents(root, pattern)
    for name in JUNK:
        (root / "kernel/src" / name).write_text("junk")
    (root / "kernel/src/nowhere.rs").symlink_to("gone")
    (root / "kernel/src/elsewhere.rs").symlink_to("/nowhere/gone")
    (root / "kernel/src/itself.rs").symlink_to("itself.rs")
    os.mkfifo(root / "kernel/src/pipe")
    assert contents(root, pattern) == before


def test_a_file_that_goes_while_it_is_hashed_is_no_source(root: Path) -> None:
    class Slow(FileDigests):
        def of(self, path: Path) -> str:
            path.unlink()
            return super().of(path)

    assert sources.contents(Slow(), root, ["kernel/"]) == {}


@pytest.mark.parametrize("link", ["kernel/linked", "kernel/src/linked.rs"])
def test_links_are_followed_within_the_tree(root: Path, link: str) -> None:
    to = root / "user" / ("src/lib.rs" if link.endswith(".rs") else "src")
    (root / link).symlink_to(os.path.relpath(to, (root / link).parent))
    name = link if link.endswith(".rs") else f"{link}/lib.rs"
    before = contents(root, "kernel/")
    assert before[name] == contents(root, "user/")["user/src/lib.rs"]
    (root / "user/src/lib.rs").write_text("another")
    assert contents(root, "kernel/")[name] != before[name]


@pytest.mark.parametrize("pattern", ["kernel/", "kernel/linked/", "kernel/linked/*", "kernel/*/file"])
def test_a_link_out_of_the_tree_is_a_users_mistake(root: Path, pattern: str) -> None:
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "file").touch()
    (root / "kernel" / "linked").symlink_to("../../outside")
    with pytest.raises(UserError, match="outside the tree") as error:
        contents(root, pattern)
    assert "kernel/linked" in str(error.value)


def test_a_link_that_leads_back_is_a_users_mistake(root: Path) -> None:
    (root / "kernel" / "round").symlink_to("../kernel")
    with pytest.raises(UserError, match="leads back"):
        contents(root, "kernel/")


def test_a_copy_holds_what_was_hashed_with_the_times_asked_for(root: Path) -> None:
    (root / "kernel/src/main.rs").chmod(0o755)
    wanted = contents(root, "Cargo.toml", "kernel/")
    with sources.copied(root / "build", root, wanted, dict.fromkeys(wanted, 5 * 10**9)) as copy:
        assert sorted(str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()) == sorted(
            wanted
        )
        assert sources.contents(FileDigests(), copy, ["./"]) == wanted
        assert {(copy / name).stat().st_mtime for name in wanted} == {5}
        assert {path.stat().st_mtime for path in copy.rglob("*") if path.is_dir()} == {1}
    assert not copy.exists()


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_source_that_changes_before_it_is_copied_is_not_built(root: Path, change: str) -> None:
    wanted = contents(root, "kernel/")
    place = root / "kernel/src/main.rs"
    place.unlink() if change == "gone" else place.write_text("another")
    with (
        pytest.raises(InfraError, match=r"main\.rs changed while it was read"),
        sources.copied(root / "build", root, wanted, {}),
    ):
        pass


def test_a_package_that_only_the_workspace_names_has_what_cargo_looks_for(root: Path) -> None:
    wanted = contents(root, "Cargo.toml", "kernel/", "user/Cargo.toml")
    with sources.copied(root / "build", root, wanted, {}) as copy:
        for name in ("user/src/lib.rs", "user/build.rs"):
            assert "only its Cargo.toml is among the `sources`" in (copy / name).read_text()
        assert not (copy / "kernel/build.rs").exists() and not (copy / "build.rs").exists()


def test_what_a_compiler_names_and_a_build_lacks_is_found(root: Path) -> None:
    wanted = contents(root, "kernel/")
    text = "couldn't read `kernel/src/../../user/src/lib.rs`: No such file\n --> /src/kernel/src/main.rs:3:5"
    with sources.copied(root / "build", root, wanted, {}) as copy:
        assert sources.outside(root, copy, text) == ["user/src/lib.rs"]
        assert sources.outside(root, copy, "see ../../etc/passwd, /etc/passwd and Cargo.lock") == []


def test_what_a_build_goes_by_and_is_no_source_is_found(root: Path) -> None:
    wanted = contents(root, "kernel/")
    read = ["kernel/src/main.rs", "kernel/src", "user/Cargo.toml", "user", "gone", "kernel/gone.rs"]
    assert sources.undeclared(root, wanted, read) == ["user", "user/Cargo.toml"]


def test_without_code_of_the_tree_there_are_manifests_and_empty_files(root: Path) -> None:
    (root / ".cargo").mkdir()
    (root / ".cargo" / "config.toml").write_text("config")
    (root / "kernel" / "build.rs").write_text("fn main() { evil() }")
    (root / "kernel" / "tool.sh").write_text("evil")
    wanted = contents(root, "kernel/", ".cargo/", "Cargo.toml", "user/Cargo.toml")
    manifests, stubs = sources.manifests(wanted), sources.stubs(wanted)
    assert set(manifests) == {".cargo/config.toml", "Cargo.toml", "kernel/Cargo.toml", "user/Cargo.toml"}
    with sources.copied(root / "build", root, manifests, {}, stubs) as copy:
        there = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
        assert there >= {*manifests, "kernel/build.rs", "kernel/src/main.rs"}
        assert all("evil" not in (copy / name).read_text() for name in there)
        assert (copy / "kernel" / "build.rs").read_text() == ""


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "/".join(["x" * 200] * 30)])
def test_a_name_that_cannot_be_is_no_file_of_the_tree(root: Path, name: str) -> None:
    assert sources.undeclared(root, [], [name]) == []
    assert sources.outside(root, root, name) == []


MACRO = "[lib]\nproc-macro = true\n"
USER = (
    '[package]\nbuild = "gen/make.rs"\n[build-dependencies]\n'
    'x = {path = "../x"}\ny = {workspace = true}\nz = "1"\n'
)


def test_what_runs_in_a_build_is_known(root: Path) -> None:
    texts = {
        "macro/Cargo.toml": MACRO, "y/lib.rs": "", "Cargo.toml": '[workspace.dependencies]\ny = {path = "y"}',
        "macro/src/lib.rs": "", "user/Cargo.toml": USER, "user/gen/make.rs": "",
        "x/src/lib.rs": "", "odd/Cargo.toml": "[" * 9999, "odd/build.rs": "", ".cargo/config.toml": "",
        "tools/run": "", "tools/data": "",
    }  # fmt: skip
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "tools/run").chmod(0o755)
    wanted = contents(root, "./")
    expected = {
        "macro/Cargo.toml", "macro/src/lib.rs", "user/gen/make.rs", "x/src/lib.rs", "odd/build.rs",
        ".cargo/config.toml", "tools/run", "y/lib.rs",
    }  # fmt: skip
    assert set(sources.that_run(root, wanted)) == expected
