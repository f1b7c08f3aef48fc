"""Trees whose builds attack the machine that builds them: real Cargo on small trees."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from small import COMPILED, PACKAGE, ROOT, TARGET, Small

from parity.build import cargo_build, jail
from parity.core import host
from parity.core.errors import BuildError, MachineError

pytestmark = pytest.mark.docker
SECRET = "only for the eyes of the host"
LOCKED = '[[package]]\nname = "app"\nversion = "0.1.0"\n'
PLAIN = 'fn main() { println!("cargo::rerun-if-changed=build.rs"); }\n'
FILES = {
    "Cargo.toml": '[workspace]\nresolver = "3"\nmembers = ["app"]\n',
    "Cargo.lock": f"version = 4\n\n{LOCKED}",
    "app/Cargo.toml": PACKAGE.format("app", ""),
    "app/src/main.rs": 'fn main() { println!("app"); }\n',
    "app/build.rs": PLAIN,
}
SAYS = """
fn say(line: &str) { // as if Cargo had said it
    use std::io::Write;
    let place = format!("/proc/{}/fd/1", std::os::unix::process::parent_id());
    let mut out = std::fs::OpenOptions::new().write(true).open(place).unwrap();
    writeln!(out, "{line}").unwrap();
}
"""
ARTIFACT = (
    '{{"reason": "compiler-artifact", "package_id": "x", "target": {{"name": "{name}"}}, "filenames": [],'
    ' "executable": "{path}"}}'
)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A store of its own, with the crates that the user's has fetched."""
    home = host.cache_dir() / "cargo"
    shutil.copytree(home, tmp_path / "cache" / "cargo", ignore=shutil.ignore_patterns("src"))
    (tmp_path / "cache" / "cargo" / "registry" / "src").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file of the host's that is no business of a build."""
    place = tmp_path / "secret"
    place.write_text(SECRET)
    place.chmod(0o600)
    for name in ("secret.d", "stolen.d"):  # the rule for `make` that is read beside a product
        place.with_name(name).write_text("x: /src/app/build.rs")
    yield place
    assert place.read_text() == SECRET


def hostile(root: Path, cache: Path, script: str, **files: str) -> Small:
    """A small tree with that build script."""
    return Small.make(root, cache, {**FILES, **files, "app/build.rs": script})


def attack(root: Path, cache: Path, *statements: str) -> Small:
    """A small tree whose build script does these things."""
    return hostile(root, cache, f"{SAYS}\nfn main() {{ {' '.join(statements)} }}\n")


def gives(small: Small) -> str:
    """All that a build gave, as text; or its error."""
    try:
        files = cargo_build.programs(small.space, small.tree, "here")
    except BuildError as error:
        return f"{error}\n{error.output}"
    return "".join(small.space.store.read(each).decode("latin1") for each in files.values())


def up(small: Small, place: Path) -> str:
    """The path of a host's file from Cargo's target folder."""
    return os.path.relpath(place, small.root / COMPILED / "target")


# Products


def test_a_message_that_names_a_file_of_the_host_gives_nothing(
    tmp_path: Path, cache: Path, secret: Path
) -> None:
    small = attack(tmp_path / "tree", cache)
    line = ARTIFACT.format(name="stolen", path=f"/target/{up(small, secret)}")
    (small.root / "app/build.rs").write_text(f'{SAYS}fn main() {{ say(r#"{line}"#); }}\n')
    assert SECRET not in gives(small)


@pytest.mark.parametrize("where", ["stolen", "folder/stolen"])
def test_a_link_in_the_target_folder_is_not_followed(
    tmp_path: Path, cache: Path, secret: Path, where: str
) -> None:
    """Neither one that is a program, nor one that is a folder of it."""
    release = f"/target/{TARGET}/release"
    line = ARTIFACT.format(name="stolen", path=f"{release}/{where}")
    link = (secret, f"{release}/stolen") if where == "stolen" else (secret.parent, f"{release}/folder")
    small = attack(
        tmp_path / "tree",
        cache,
        f'std::fs::create_dir_all("{release}").unwrap();',
        f'let _ = std::os::unix::fs::symlink("{link[0]}", "{link[1]}");',
        f'std::fs::write("{release}/stolen.d", "x: /src/app/build.rs").unwrap();',
        f'say(r#"{line}"#);',
    )
    if where != "stolen":
        secret = secret.rename(secret.with_name("stolen"))
    assert SECRET not in gives(small)
    if where != "stolen":
        secret.rename(secret.with_name("secret"))


@pytest.mark.parametrize("name", ["../../../../out", "/out", "", "a/b", ".."])
def test_a_program_has_a_name(tmp_path: Path, cache: Path, name: str) -> None:
    line = ARTIFACT.format(name=name, path=f"/target/{TARGET}/release/app")
    small = attack(tmp_path / "tree", cache, f'say(r#"{line}"#);')
    with pytest.raises(BuildError, match="not where Cargo puts it"):
        small.built()


@pytest.mark.parametrize("line", ['{"reason', "{}", '{"reason": 3}', "{" * 100_000, '{"executable": []}'])
def test_lines_that_are_like_messages_are_none(tmp_path: Path, cache: Path, line: str) -> None:
    text = f'"{{".repeat({len(line)})' if len(line) > 1000 else f'r#"{line}"#.to_string()'
    assert "app" in gives(attack(tmp_path / "tree", cache, f"say(&{text});"))


def test_a_pipe_in_place_of_a_product_is_no_wait(tmp_path: Path, cache: Path) -> None:
    place = f"/target/{TARGET}/release/pipe"
    line = ARTIFACT.format(name="pipe", path=place)
    small = attack(
        tmp_path / "tree",
        cache,
        f'std::process::Command::new("mkfifo").arg("{place}").status().unwrap();',
        f'std::fs::write("{place}.d", "x: /src/app/build.rs").unwrap();',
        f'say(r#"{line}"#);',
    )
    with pytest.raises(BuildError, match="not a regular file"):
        small.built()


# What the host writes


@pytest.mark.parametrize("nested", [1, 3000])
def test_what_a_build_leaves_is_removed_and_nothing_else(
    tmp_path: Path, cache: Path, secret: Path, nested: int
) -> None:
    """Links, folders without rights, and folders in folders; the next build begins with an empty folder."""
    small = attack(
        tmp_path / "tree",
        cache,
        f'std::os::unix::fs::symlink("{secret.parent}", "/target/link").unwrap();',
        'std::fs::create_dir("/target/shut").unwrap(); std::fs::write("/target/shut/file", "").unwrap();',
        'std::process::Command::new("chmod").args(["000", "/target/shut"]).status().unwrap();',
        'std::env::set_current_dir("/target").unwrap();',
        f'for _ in 0..{nested} {{ std::fs::create_dir("in").unwrap();',
        'std::env::set_current_dir("in").unwrap(); }',
    ).again()
    script = small.root / "app/build.rs"
    script.write_text(
        script.read_text().replace("fn main() {", "fn main() { unsafe {").rstrip()[:-1] + "} }\n"
    )
    gives(small)
    script.write_text(PLAIN)
    again = small.again()
    assert "app" in gives(again)
    left = {path.name for path in (small.root / COMPILED / "target").iterdir()}
    assert left.isdisjoint({"link", "shut", "in"})


# What other checkouts get


def with_crate(script: str) -> dict[str, str]:
    """The files of a tree that uses crates of the registry."""
    ours = (ROOT / "Cargo.lock").read_text(encoding="utf-8").split("\n\n")
    crates = [part.strip() for part in ours if '\nname = "crc' in part]
    app = LOCKED + 'dependencies = [\n "crc",\n]'
    return {
        "Cargo.lock": "version = 4\n\n" + "\n\n".join([app, *crates]) + "\n",
        "app/Cargo.toml": PACKAGE.format("app", 'crc = "=3.4.0"'),
        "app/build.rs": script,
    }


POISON = """
fn main() {
    for entry in std::fs::read_dir("/target/TARGET/release/deps").unwrap() {
        let place = entry.unwrap().path();
        if place.to_str().unwrap().contains("libcrc") {
            use std::io::Write;
            let mut file = std::fs::OpenOptions::new().append(true).open(place).unwrap();
            file.write_all(b"POISONED").unwrap();
        }
    }
}
""".replace("TARGET", TARGET)


def poisoned(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes().endswith(b"POISONED")]


def test_a_build_changes_no_crate_of_other_checkouts(tmp_path: Path, cache: Path) -> None:
    """The first compiles the crates, then its script changes them; the second takes them from the store."""
    waits = 'while !std::fs::read_dir("/target/TARGET/release/deps").unwrap().any(|e| e.unwrap().path()'
    waits = (waits + '.to_str().unwrap().contains("libcrc-")) {} fn main').replace("TARGET", TARGET)
    script = POISON.replace("fn main() {", "fn main() {" + waits.removesuffix(" fn main"))
    first = Small.make(tmp_path / "first", cache, {**FILES, **with_crate(script)})
    gives(first)
    second = Small.make(tmp_path / "second", cache, {**FILES, **with_crate(PLAIN)})
    assert "app" in gives(second)
    assert poisoned(second.root) == []
    assert poisoned(cache) == []


def test_a_build_writes_to_no_fetched_crate(tmp_path: Path, cache: Path) -> None:
    script = """
fn main() {
    for place in ["/cargo/registry/cache", "/cargo/registry/index", "/cargo/git", "/cargo", "/src", "/usr"] {
        assert!(std::fs::write(format!("{place}/POISONED"), "POISONED").is_err(), "{place}");
    }
}
"""
    small = Small.make(tmp_path / "tree", cache, {**FILES, **with_crate(script)})
    assert "app" in gives(small)
    assert poisoned(cache) == []


def test_a_crate_that_is_not_the_locked_one_is_named_and_fetched_again(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = Small.make(tmp_path / "tree", cache, {**FILES, **with_crate(PLAIN)})
    gives(small)
    (crate,) = (cache / "cargo/registry/cache").glob("*/crc-3.4.0.crate")
    whole = crate.read_bytes()
    crate.write_bytes(whole[:-8] + bytes(8))
    shutil.rmtree(small.root / COMPILED)
    again = small.again()
    again.space.history.forget("userspace here")
    capsys.readouterr()
    assert "app" in gives(again)
    assert "crc-3.4.0.crate is damaged" in capsys.readouterr().out.replace("\n", " ")
    assert crate.read_bytes() == whole


@pytest.mark.parametrize(
    "config",
    [
        '[build]\nrustc = "/src/app/evil"\n',
        '[build]\nrustc-wrapper = "/src/app/evil"\n',
        '[registry]\nglobal-credential-providers = ["/src/app/evil"]\n',
        '[registries.crates-io]\ncredential-provider = "/src/app/evil"\n',
    ],
)
def test_fetching_runs_nothing_of_the_tree(tmp_path: Path, cache: Path, config: str) -> None:
    shutil.rmtree(cache / "cargo/.parity-fetched")
    evil = '#!/bin/sh\necho evil > /cargo/evil\nexec rustc "$@"\n'
    small = hostile(tmp_path / "tree", cache, PLAIN, **{".cargo/config.toml": config, "app/evil": evil})
    (small.root / "app/evil").chmod(0o755)
    cargo_build.fetch(small.space, small.tree)
    assert not (cache / "cargo/evil").exists()


# Limits


def test_a_build_is_an_ordinary_user_without_rights_and_network(tmp_path: Path, cache: Path) -> None:
    small = attack(
        tmp_path / "tree",
        cache,
        'let status = std::fs::read_to_string("/proc/self/status").unwrap();',
        'let net = std::fs::read_dir("/sys/class/net").unwrap();',
        "let net: Vec<_> = net.map(|e| e.unwrap().path()).collect();",
        'panic!("{status} {net:?}");',
    )
    said = gives(small).split()
    assert said[said.index("Uid:") + 1] == str(os.getuid() or 65_533)
    assert said[said.index("CapBnd:") + 1] == said[said.index("CapEff:") + 1] == "0" * 16
    assert said[said.index("NoNewPrivs:") + 1] == "1"
    assert '["/sys/class/net/lo"]' in said


@pytest.mark.parametrize(
    ("limit", "value", "statements", "says"),
    [
        ("DISK_MIB", 64,
         'loop { std::fs::copy("/usr/bin/cargo", format!("/target/{}", n)).unwrap(); n += 1; }',
         "more than 64 MiB on the disk"),
        ("FILES", 5000, 'loop { std::fs::write(format!("/target/{}", n), "").unwrap(); n += 1; }',
         "more than 5000 files"),
        ("TIME_S", 5.0, "loop { n += 1; }", "longer than 5 s"),
        ("FILE_MIB", 256, 'std::fs::write("/target/x", vec![1u8; 300 << 20]).unwrap(); n += 1;',
         "a file that is too large"),
        ("OUTPUT_MIB", 4, 'loop { say(&"x".repeat(9999)); n += 1; }', "prints more than 4 MiB"),
    ],
)  # fmt: skip
def test_a_build_has_limits(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    limit: str, value: float, statements: str, says: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(jail, limit, value)
    with pytest.raises(BuildError, match=says) as error:
        attack(tmp_path / "tree", cache, "let mut n = 0u64;", statements, "let _ = n;").built()
    assert error.value.exit_code == 2
    size = sum(path.stat().st_size for path in (tmp_path / "tree" / COMPILED / "target").rglob("*"))
    assert limit == "FILE_MIB" or size == 0


@pytest.mark.parametrize("program", ['"sleep"', "std::env::current_exe().unwrap()"])
def test_a_fork_bomb_is_a_build_error(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(jail, "PROCESSES", 100)
    monkeypatch.setattr(jail, "PROCESSES_PER_CORE", 0)
    bomb = f'loop {{ let _ = std::process::Command::new({program}).arg("600").spawn(); }}'
    with pytest.raises(BuildError, match="more than 100 processes") as error:
        attack(tmp_path / "tree", cache, bomb).built()
    assert error.value.exit_code == 2


def test_memory_has_a_limit(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jail, "MEMORY_SHARE", 0.05)
    small = attack(
        tmp_path / "tree", cache, "let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 24]); }"
    )
    with pytest.raises(MachineError, match="no memory while compiling"):
        small.built()
