"""Our YAML files with something in them that cannot be, and a loader for each kind of file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from parity.compare import coverage
from parity.docker import images
from parity.run import integration
from parity.selftest import canary, crate_mutants
from parity.spec import baseline, decision, machine, quarantine, suite, tree

ROOT = Path(__file__).parent.parent
ARCHS = ("aarch64", "x86_64")


@cache
def reference() -> tree.Tree:
    return tree.load(ROOT / "trees" / "reference.yaml")


@cache
def tests() -> tuple[str, ...]:
    return tuple(suite.load(ROOT / "suites" / "user_programs.yaml", ARCHS).tests)


def recipes(path: Path) -> None:
    """The recipes of all tool images, from a file in a checkout of its own."""
    root = path.parent.parent
    if not (root / images.DOCKER).exists():
        shutil.copytree(ROOT / images.DOCKER, root / images.DOCKER)
    for role in ("qemu", "toolchain"):
        images.load_recipe(root, role, "amd64")


@dataclass(frozen=True)
class Kind:
    """A file of ours, from the checkout's root, and what reads it."""

    file: str
    load: Callable[[Path], Any]


KINDS = {
    "tree": Kind("trees/reference.yaml", tree.load),
    "suite": Kind("suites/user_programs.yaml", lambda path: suite.load(path, ARCHS)),
    "machine": Kind("machines/qemu-virt.yaml", machine.load),
    "UEFI machine": Kind("machines/qemu-q35-uefi.yaml", machine.load),
    "quarantine": Kind("suites/quarantine.yaml", lambda path: quarantine.load(path, tests(), ARCHS)),
    "decisions": Kind("decisions.yaml", lambda path: decision.load(path, ARCHS)),
    "mutants": Kind("suites/mutants.yaml", crate_mutants.load),
    "canaries": Kind("suites/canaries.yaml", lambda path: canary.load(path, ARCHS)),
    "document": Kind("suites/document.yaml", coverage.load),
    "integration": Kind("suites/integration.yaml", lambda path: integration.load(path, reference())),
    "toolchain": Kind("toolchains/debian-trixie.yaml", recipes),
    "baseline": Kind("suites/baseline.txt", lambda path: baseline.load(path, tests(), ARCHS)),
}

DEEP = 5000
BOMB = "[&a [x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b], "
BOMB += "&d [*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d], [*e,*e,*e,*e,*e,*e,*e,*e]]"
VALUES = (
    *("", "~", "null", "{}", "[]", "[[]]", "{a: b}", "true", "no", "-1", "0", "1", "0.5", "1e400", "-1e400"),
    *("nan", ".nan", ".inf", "inf", "NaN", "1e-400", "0x10", "0o17", "1_000", "9" * 5000, "1." + "0" * 5000),
    *(
        '"\\0"',
        '"\\x1b[2J"',
        '"a\\nb"',
        '"a\\n"',
        "'{kernel}'",
        "'{x}'",
        "'{'",
        "'{}'",
        "'{kernel:>999999999}'",
    ),
    *(
        "'{kernel.__class__}'",
        "'%(x)s'",
        "'${HOME}'",
        "/etc/passwd",
        "../../etc/passwd",
        "'../**'",
        "'**'",
        "'*'",
    ),
    *("'**/**/**/**/**'", "'~root'", "'a/../b'", "'[a'", "'[]]'", "2027-13-45", "2027-01-31", "0000-00-00"),
    *("'" + "a" * 200_000 + "'", "[" * DEEP + "]" * DEEP, "{a: " * 60 + "1" + "}" * 60, BOMB, "*nowhere"),
    *(
        "&a [*a]",
        "!!python/object/apply:os.system [id]",
        "!!binary aGVsbG8=",
        "!!set {a, b}",
        "!!timestamp 1",
        "<<",
    ),
    *(
        "sparc",
        "aarch64",
        "x86_64",
        "flaky",
        "missing",
        "not_run",
        "pass",
        "infra",
        "256",
        "-128",
        "2147483648",
    ),
    *("'\U0001f600'", "'\ud7ff'", "'\u202e'", "'a b'", "'a,b=c'", "'--help'", "'-'", "'.'", "'..'", "' '"),
    *(
        "{<<: {a: b}}",
        "? [a, b]\n: c",
        "|\n  text",
        ">-\n  folded",
        "@x",
        "`x`",
        "%x",
        "'",
        '"',
        "\t",
        "# nothing",
    ),
)
"""Values for the place of a value, as they are written."""

TEXTS = (
    *(
        b"",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x7fELF\x02\x01\x01",
        bytes(range(256)),
        b"---\n---\n",
        b"...",
        b"3",
    ),
    *(
        b"[" * 100_000,
        b"{" * 100_000,
        b"- " * 50_000,
        b"a: " * 10_000,
        b"? " * 5000,
        b"!" * 5000,
        b"a" * 2**21,
    ),
    *(
        b"&a " * 1000,
        b"%YAML 9.9\n---\na: b",
        b"%TAG ! tag:x:\n--- a",
        b"a: b\na: c",
        b"a: b\r\nc: d",
        b"\tx: y",
    ),
    *(f"a: {BOMB}".encode(), b"# only a comment\n", b"null", b"[]", b"{}", b"a:\n" + b" " * 5000 + b"b: c"),
)
"""Whole files."""


@cache
def places(file: str) -> tuple[tuple[int, int, bool], ...]:
    """Where the values and keys of a file begin and end, and whether it is a key, by characters."""
    text = (ROOT / file).read_text()
    if not file.endswith(".yaml"):
        return tuple((at, at + len(word), False) for word, at in _words(text))
    found: list[tuple[int, int, bool]] = []

    def walk(node: yaml.Node, key: bool) -> None:
        end = node.end_mark.index
        found.append((node.start_mark.index, end, key))
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                walk(name, True)
                walk(value, False)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                walk(item, False)

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    walk(root, False)
    return tuple(found)


def _words(text: str) -> list[tuple[str, int]]:
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append((word, at))
        at += len(word)
    return found
