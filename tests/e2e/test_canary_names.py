"""What is said of a guest does not come from names: not from its own or its command line's, not from those of
functions, programs and features. And where the kernel has no names at all, nothing wrong is said.

In a copy of this checkout everything that a canary is called by has another name, which says nothing.
"""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import pytest
from checkout import Checkout

from parity.autopsy.diagnosis import FailureKind
from parity.build.workspace import Workspace
from parity.core import host
from parity.report import log, selftest
from parity.report.terminal import Screen
from parity.run.evidence_runner import EvidenceRunner
from parity.selftest import canary_run
from parity.selftest.canary import Canary, Seen
from parity.spec import tree as trees

pytestmark = pytest.mark.docker

KERNEL, PROGRAMS = Path("kernel", "core"), Path("userspace", "canaries")
CANARIES = KERNEL / "src" / "canary"
TREE = Path("trees", "reference.yaml")
# Ways to hang that differ in little, and an end.
SAMPLE = ("deadlock_of_two", "lost_wakeup", "livelock", "panic_after_success")
WORD = re.compile(r"(?<![\w-])\w+")
SECTIONS_AT, SECTIONS = 0x28, struct.Struct("<Q")  # of an ELF header: where the sections are
SECTION_COUNT_AT, SECTION_COUNT = 0x3A, struct.Struct("<HHH")


@dataclass(frozen=True)
class Names:
    """What is hidden, and behind what."""

    hidden: frozenset[str]

    @classmethod
    def of(cls, root: Path, *, everything: bool) -> Names:
        """The kernel's canaries, and `everything`: the feature and the programs as well."""
        own = "".join(file.read_text() for file in (root / CANARIES).glob("*.rs"))
        others = "".join(
            file.read_text() for file in (root / "kernel").rglob("*.rs") if CANARIES.name not in file.parts
        )
        called = re.findall(r"\bfn (\w+)|\bmod (\w+);|^ +\(\"(\w+)\", ", own, re.MULTILINE)
        # What the rest of the kernel uses as well cannot tell canaries apart.
        found = {name for names in called for name in names if name} - set(re.findall(r"\w+", others))
        found |= {"canary"}
        if everything:
            found |= {"canaries"} | {f"canary_{file.stem}" for file in (root / PROGRAMS).glob("*.rs")}
        return cls(frozenset(found))

    def hide(self, text: str) -> str:
        """The text with other names."""
        return WORD.sub(lambda word: other(word[0]) if word[0] in self.hidden else word[0], text)

    def hide_in(self, file: Path) -> None:
        """The same for a file."""
        file.write_text(self.hide(file.read_text(encoding="utf-8")), encoding="utf-8")

    def bird(self, bird: Canary) -> Canary:
        """A canary with another name, that asks for the same by another command line."""
        says = {arch: self.hide(text) for arch, text in bird.says.items()}
        return replace(bird, name=other(bird.name), command_line=self.hide(bird.command_line), says=says)


def other(name: str) -> str:
    """Another name, which says nothing; the same one each time, so that builds are found again."""
    return f"x{crc32(name.encode()):08x}"


def scrambled(folder: Path, *, everything: bool) -> tuple[Path, Names]:
    """A copy of this checkout with other names in it."""
    root = Checkout.copy(folder / "checkout", host.cache_dir()).folder
    names = Names.of(root, everything=everything)
    files = list((root / KERNEL / "src").rglob("*.rs"))
    if everything:
        files += [root / KERNEL / "Cargo.toml", root / TREE, root / PROGRAMS / "Cargo.toml"]
        files += (root / PROGRAMS).glob("*.rs")
    for file in files:
        names.hide_in(file)
    for file in sorted((root / CANARIES).glob("*.rs")):
        file.rename(file.with_stem(names.hide(file.stem)))
    (root / CANARIES).rename(root / CANARIES.with_name(other("canary")))
    return root, names


def run(
    root: Path, names: Names, archs: Sequence[str], wanted: Sequence[str], *, strip: bool = False
) -> None:
    """Runs canaries of a checkout: each earns its verdict, and the word it must have or none."""
    tree = trees.load(root / TREE)
    space = Workspace(root, host.cache_dir(), Screen())
    features, all_canaries = canary_run.load(space, tree)
    all_canaries = [names.bird(bird) for bird in all_canaries if not wanted or bird.name in wanted]
    likes = [canary_run.like(space, tree, arch, names.hide(features)) for arch in archs]
    if strip:
        likes = [
            replace(like, kernel=space.store.put_bytes(stripped(space.store.read(like.kernel))))
            for like in likes
        ]
    seen = canary_run.run(
        EvidenceRunner(space, tree.panic_patterns, log.render), likes, all_canaries, lanes=2
    )
    assert len(seen) == len(archs) * len(all_canaries)
    assert complaints(all_canaries, seen) == []


def complaints(all_canaries: Sequence[Canary], seen: Seen) -> list[str]:
    """The guests of which something is said that is not so: `unknown` always is."""
    known = {
        key: replace(found, failure_kind=None) if found.failure_kind == FailureKind.UNKNOWN else found
        for key, found in seen.items()
    }
    all_canaries = [
        replace(bird, words={a: kind for a, kind in bird.words.items() if known[a, bird.name].failure_kind})
        for bird in all_canaries
    ]
    return selftest.unexpected(all_canaries, known)


def stripped(elf: bytes) -> bytes:
    """The same kernel without sections, and so without symbols and lines."""
    bare = bytearray(elf)
    SECTIONS.pack_into(bare, SECTIONS_AT, 0)
    SECTION_COUNT.pack_into(bare, SECTION_COUNT_AT, 0, 0, 0)
    return bytes(bare)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a copy goes, which is large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_names_say_nothing(folder: Path) -> None:
    root, names = scrambled(folder, everything=False)
    run(root, names, ("aarch64", "x86_64"), SAMPLE)


@pytest.mark.thorough
def test_no_name_says_anything(folder: Path) -> None:
    root, names = scrambled(folder, everything=True)
    assert "canar" not in (root / TREE).read_text().replace("userspace-canaries", "")
    run(root, names, ("aarch64", "x86_64"), ())


def test_without_symbols_nothing_wrong_is_said(here: Checkout) -> None:
    run(here.folder, Names(frozenset()), ("aarch64", "x86_64"), SAMPLE, strip=True)


@pytest.mark.thorough
def test_without_symbols_nothing_wrong_is_said_of_any(here: Checkout) -> None:
    run(here.folder, Names(frozenset()), ("aarch64", "x86_64"), (), strip=True)
