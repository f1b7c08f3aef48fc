"""Whatever a file or a variable says: it is taken as it must be, or refused with its place, at once."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_yaml import KINDS, ROOT, TEXTS, VALUES, Kind, places
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from parity.core.errors import UserError
from tasks.settings import KNOWN, Settings

pytestmark = pytest.mark.attack

LONGEST_S, MOST_MIB = 1.0, 200
CASES = [60, pytest.param(5000, marks=[pytest.mark.thorough, pytest.mark.timeout(3600)])]  # of each kind
SIMPLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda text: f"'{text}'")


def many(cases: int) -> settings:
    """So many cases, of which a failing one is printed so that it can be tried again."""
    return settings(
        max_examples=cases,
        deadline=None,
        database=None,
        print_blob=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def bounded(work: Callable[[], Any]) -> UserError | None:
    """The complaint, if there is one; within a second of this process, and without much memory."""
    before_kib, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    complaint = None
    try:
        work()
    except UserError as error:
        complaint = error
    assert time.process_time() - began < LONGEST_S
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < MOST_MIB * 1024
    return complaint


def told(kind: Kind, path: Path, content: bytes) -> UserError | None:
    """What is said of a file, always with its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    complaint = bounded(lambda: kind.load(path))
    if complaint is not None:
        assert complaint.exit_code == 3
        assert complaint.file is not None and complaint.line is not None and complaint.line >= 1
        assert str(complaint).startswith(f"{path}:{complaint.line}: ")
        assert len(str(complaint)) < 2000 and str(complaint).splitlines()[0].isprintable()
    return complaint


@pytest.mark.parametrize("name", KINDS)
def test_whole_files_that_are_none(name: str, tmp_path: Path) -> None:
    for content in TEXTS:
        complaint = told(KINDS[name], tmp_path / KINDS[name].file, content)
        assert complaint is not None or name == "baseline" or content in (b"{}",), content[:40]


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("name", KINDS)
def test_values_that_cannot_be(name: str, cases: int, tmp_path: Path) -> None:
    kind = KINDS[name]
    text, path = (ROOT / kind.file).read_text(), tmp_path / kind.file

    @many(cases)
    @given(st.sampled_from(places(kind.file)), st.sampled_from(VALUES) | SIMPLE)
    def check(place: tuple[int, int, bool], value: str) -> None:
        begin, end, is_key = place
        after = "" if is_key or not text[begin:end].endswith("\n") else "\n"
        told(kind, path, (text[:begin] + value + after + text[end:]).encode())

    check()


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("name", KINDS)
def test_bytes_that_were_changed(name: str, cases: int, tmp_path: Path) -> None:
    kind = KINDS[name]
    content, path = (ROOT / kind.file).read_bytes(), tmp_path / kind.file

    @many(cases)
    @given(st.integers(0, len(content)), st.integers(0, 40), st.binary(max_size=20))
    def check(at: int, size: int, new: bytes) -> None:
        told(kind, path, content[:at] + new + content[at + size :])

    check()


ODD_PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a loop": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("odd", ODD_PLACES)
@pytest.mark.parametrize("name", ["tree", "suite", "machine", "toolchain", "mutants"])
def test_what_is_no_file_is_refused(name: str, odd: str, tmp_path: Path) -> None:
    path = tmp_path / KINDS[name].file
    path.parent.mkdir(parents=True)
    ODD_PLACES[odd](path)
    complaint = bounded(lambda: KINDS[name].load(path))
    assert complaint is not None and str(complaint).startswith(f"{path}: cannot be read: ")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        *(("machine", "arch: aarch64", f"arch: {arch}") for arch in ("sparc", "AARCH64", '"aarch64\\n"')),
        *(
            ("machine", "power_off_status: 0", f"power_off_status: {status}")
            for status in (256, -1, "0.5", 1)
        ),
        *(("tree", "root: ..", f"root: {root}") for root in ('"\\0"', '"\\x1b"', "/nowhere")),
        *(("tree", "sources: [", f"sources: [{source}, ") for source in ("/etc", "../**", "'a/../../b'")),
        ("tree", "machines:\n", "machines:\n    sparc: qemu-virt\n"),
        ("suite", "expected: pass", "expected: flaky"),
        ("suite", "expected: pass", "expected: not_run"),
    ],
)
def test_what_cannot_be_is_refused(name: str, old: str, new: str, tmp_path: Path) -> None:
    text = (ROOT / KINDS[name].file).read_text()
    assert old in text
    assert told(KINDS[name], tmp_path / KINDS[name].file, text.replace(old, new, 1).encode()) is not None


NUMBERS = ["0", "1", "-1", "1e400", "nan", "inf", "0x10", "1_0", "٣", "1/0", "1/4", "4/1", "1/1/1", "0.5"]
WORDS = ["true", "TRUE", "no", "maybe", "*", "[", "[]", "[!", "**", "../..", "{x}", "%s", "=", "all", "sparc"]
ODD = ["", " ", "\0", "\x1b[2J", "\n", "\udcff", "9" * 5000, "a" * 100_000, "*" * 5000, "(" * 5000]
VALUES_GIVEN = [*NUMBERS, *WORDS, *ODD, str(2**64), str(2**64 - 1)]


@pytest.mark.parametrize("cases", [300, pytest.param(20_000, marks=pytest.mark.thorough)])
def test_variables_of_the_command_line(cases: int) -> None:
    @many(cases)
    @given(
        st.dictionaries(
            st.sampled_from(KNOWN) | st.text(max_size=20),
            st.sampled_from(VALUES_GIVEN) | st.text(max_size=50),
            min_size=1,
            max_size=3,
        )
    )
    def check(variables: dict[str, str]) -> None:
        complaint = bounded(lambda: Settings.read(ROOT / "pyproject.toml", variables))
        if complaint is not None:
            assert any(name in str(complaint) or repr(name) in str(complaint) for name in variables)
            assert len(str(complaint)) < 500 and complaint.exit_code == 3
            assert all(line.isprintable() for line in str(complaint).splitlines())

    check()
