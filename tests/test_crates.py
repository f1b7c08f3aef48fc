"""What is fetched for a tree: its lock file's checksums, and what of its Cargo configuration counts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parity.build import crates
from parity.core.errors import BuildError, MachineError
from parity.store.store import FileDigests

LOCK = """
version = 4
[[package]]
name = "crc"
version = "3.4.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "SUM"
[[package]]
name = "own"
version = "0.1.0"
"""
CRATE = b"the crate"
SUM = hashlib.sha256(CRATE).hexdigest()


def test_a_lock_files_checksums_are_read() -> None:
    assert crates.checksums(LOCK, "Cargo.lock") == {"crc-3.4.0.crate": "SUM"}
    other = LOCK.replace("SUM", "OTHER").replace("version = 4\n", "")
    assert crates.checksums(LOCK + other, "Cargo.lock") == {"crc-3.4.0.crate": "OTHER SUM"}


@pytest.mark.parametrize(
    "text", ["[", "package = 3", "package = [3]", '[[package]]\nchecksum = "x"', "a = " + "[" * 9999]
)
def test_what_is_no_lock_file_is_said(text: str) -> None:
    with pytest.raises(BuildError, match="not a lock file"):
        crates.checksums(text, "Cargo.lock")


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """What is taken of a configuration's text."""

    def of(text: str) -> dict[str, Any]:
        (tmp_path / "tree" / ".cargo").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / "vendor").mkdir(exist_ok=True)
        (tmp_path / "tree" / "out").symlink_to("..") if not (tmp_path / "tree" / "out").exists() else None
        (tmp_path / "tree" / ".cargo" / "config.toml").write_text(text)
        return crates.configuration(tmp_path / "tree")

    return of


SOURCES = """
paths = ["vendor/mine"]
[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "vendor"
[registries.ours]
index = "sparse+https://registry.example/"
[patch.crates-io]
crc = { path = "vendor/crc", features = ["std"] }
"""


def test_where_crates_come_from_is_taken(config: Callable[[str], dict[str, Any]]) -> None:
    assert config(SOURCES) == {
        "source": {"crates-io": {"replace-with": "vendored"}, "vendored": {"directory": "vendor"}},
        "registries": {"ours": {"index": "sparse+https://registry.example/"}},
        "patch": {"crates-io": {"crc": {"path": "vendor/crc", "features": ["std"]}}},
        "paths": ["vendor/mine"],
    }


@pytest.mark.parametrize(
    "text",
    [
        '[build]\nrustc = "x"\nrustc-wrapper = "x"\nrustdoc = "x"',
        '[target.x86_64-unknown-none]\nrunner = "x"\nlinker = "x"',
        '[registry]\nglobal-credential-providers = ["x"]\ncredential-provider = "x"',
        '[credential-alias]\nx = ["x"]',
        '[alias]\nfetch = "x"',
        "[net]\ngit-fetch-with-cli = true",
        '[http]\nproxy = "x"\ncainfo = "/etc/shadow"',
        '[env]\nPATH = "/src"',
        'include = "other.toml"',
        "paths = 3\nsource = 3\nregistries = [3]\n[patch]\nx = 3",
    ],
)
def test_nothing_else_is(config: Callable[[str], dict[str, Any]], text: str) -> None:
    assert config(text) == {}


def test_no_registry_brings_its_program(config: Callable[[str], dict[str, Any]]) -> None:
    text = '[registries.ours]\nindex = "https://x"\ncredential-provider = "x"'
    assert config(text) == {"registries": {"ours": {"index": "https://x"}}}


@pytest.mark.parametrize(
    "text",
    [
        'paths = ["../x"]',
        'paths = ["/etc"]',
        'paths = ["vendor/../../x"]',
        'paths = ["out/x"]',
        'paths = ["a\\u0000"]',
        '[source.x]\ndirectory = "/cargo"',
        '[source.x]\nlocal-registry = "../x"',
        '[patch.crates-io]\ncrc = { path = "../x" }',
    ],
)
def test_a_path_outside_the_tree_is_refused(config: Callable[[str], dict[str, Any]], text: str) -> None:
    with pytest.raises(BuildError, match="leads outside the tree"):
        config(text)


@pytest.mark.parametrize("text", ["[", "a = " + "[" * 9999])
def test_a_configuration_that_is_no_toml_is_said(config: Callable[[str], dict[str, Any]], text: str) -> None:
    with pytest.raises(BuildError, match="cannot be read"):
        config(text)


@pytest.fixture
def fetched(tmp_path: Path) -> crates.Fetched:
    """After a fetch that gave one crate."""
    cache = tmp_path / "cargo" / "registry" / "cache" / "index"
    cache.mkdir(parents=True)
    (cache / "crc-3.4.0.crate").write_bytes(CRATE)
    (cache / "other-1.0.0.crate").write_bytes(b"of another lock file")
    said = list[str]()
    space: Any = SimpleNamespace(
        digests=FileDigests(),
        cache=tmp_path,
        screen=SimpleNamespace(note=lambda text, _: said.append(text)),
        said=said,
    )
    found = crates.Fetched(space, tmp_path / "cargo", "k" * 64)
    assert not found.whole()
    found.record({"crc-3.4.0.crate": f"{'0' * 64} {SUM}"})
    return found


def crate(fetched: crates.Fetched) -> Path:
    return fetched.home / "registry" / "cache" / "index" / "crc-3.4.0.crate"


def test_crates_that_are_as_they_were_fetched_are_not_fetched_again(fetched: crates.Fetched) -> None:
    assert fetched.whole()
    (crate(fetched).with_name("other-1.0.0.crate")).write_bytes(b"changed")
    assert fetched.whole()


def test_a_crate_that_changed_is_named_and_removed(fetched: crates.Fetched) -> None:
    crate(fetched).write_bytes(b"poisoned")
    assert not fetched.whole()
    assert fetched.space.said == ["crate index/crc-3.4.0.crate is damaged or changed; fetched again"]  # type: ignore[attr-defined]
    assert not crate(fetched).exists()


def test_a_crate_that_is_gone_is_fetched_again(fetched: crates.Fetched) -> None:
    crate(fetched).unlink()
    assert not fetched.whole()


@pytest.mark.parametrize("note", ["", "[", "3", "[]", '{"../../x": "0"}'])
def test_a_note_that_says_nothing_is_not_believed(fetched: crates.Fetched, note: str) -> None:
    fetched.note.write_text(note)
    assert not fetched.whole()
    assert crate(fetched).exists()


def test_a_crate_that_is_not_the_locked_one_is_no_crate(fetched: crates.Fetched) -> None:
    crate(fetched).write_bytes(b"of a lying registry")
    with pytest.raises(MachineError, match=r"crc-3\.4\.0\.crate does not match Cargo\.lock"):
        fetched.record({"crc-3.4.0.crate": SUM})
    assert not crate(fetched).exists()


def test_a_crate_of_that_name_from_another_registry_is_left_alone(fetched: crates.Fetched) -> None:
    other = fetched.home / "registry" / "cache" / "another" / "crc-3.4.0.crate"
    other.parent.mkdir()
    other.write_bytes(b"another crate")
    fetched.record({"crc-3.4.0.crate": SUM})
    assert fetched.whole() and other.exists()
    io = crate(fetched).parent.parent / "index.crates.io-0" / other.name
    io.parent.mkdir()
    io.write_bytes(b"poisoned")
    with pytest.raises(MachineError, match="does not match"):
        fetched.record({"crc-3.4.0.crate": SUM})
