"""What the judge and the autopsy say of a guest does not come from names: not from a canary's, not from the
command line's or a feature's, not from a function's.

In a copy of this checkout every name that says what a canary does is another one, in the sources and in the
suite; the guests must be called what they are called here.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from checkouts import Checkout

from parity import flock, host
from parity import tree as trees
from parity.canary import Canary, Seen
from parity.gather import Gatherer
from parity.machine import RunSpec
from parity.report.terminal import Screen
from parity.tree import Tree
from parity.workspace import Workspace

pytestmark = pytest.mark.docker

KERNEL, PROGRAMS = Path("kernel", "core"), Path("userspace", "canaries")
TREE, SUITE = Path("trees", "reference.yaml"), flock.PLACE
HIDDEN = KERNEL / "src" / "canary"
# Enough to tell one way of hanging from another, and a kernel to build on each architecture.
SAMPLE = ("deadlock_of_two", "lost_wakeup", "livelock", "panic_before_hello")


def other(name: str) -> str:
    """Another name, which says nothing."""
    return f"x{crc32(name.encode()):08x}"


def names(root: Path) -> set[str]:
    """Everything in the kernel's canaries that is called by what it does."""
    sources = "".join(file.read_text() for file in (root / HIDDEN).glob("*.rs"))
    called = re.findall(r'\bfn (\w+)|\(\s*"(\w+)", [\w:]+, |\("(\w+)", \|\||^mod (\w+);', sources, re.MULTILINE)
    elsewhere = "".join(
        file.read_text() for file in (root / KERNEL).rglob("*.rs") if HIDDEN.name not in file.parts
    )
    hooks = set(re.findall(r"\bcanary::(\w+)", elsewhere))
    # What others call so as well stays: it says nothing, or rustc would not know it any more.
    return {name for each in called for name in each if name} - hooks - set(re.findall(r"\w+", elsewhere))


def renamed(text: str, hidden: set[str]) -> str:
    return re.sub(r"\w+", lambda word: other(word[0]) if word[0] in hidden else word[0], text)


def scramble(root: Path, *, features: bool) -> None:
    """Takes the names out of a checkout; `features`: out of programs and feature sets as well."""
    hidden = names(root)
    assert len(hidden) > 40
    for file in (root / HIDDEN).glob("*.rs"):
        text = renamed(file.read_text(), hidden)
        text = re.sub(r'"canary: [^"{]*"', '"x"', text)
        file.write_text(re.sub(r"(//[/!].*)", "//", text) if False else text)
    suite = root / SUITE
    text = suite.read_text()
    lines = [
        re.sub(r"(canary=)(\w+)", lambda word: word[1] + other(word[2]) if word[2] in hidden else word[0], line)
        for line in text.splitlines()
    ]
    suite.write_text("\n".join(lines) + "\n")
