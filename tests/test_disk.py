"""What goes on the disk: programs cut to what a loader reads, an archive that is the same every time."""

from __future__ import annotations

import io
import struct
import tarfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from elftools.elf.elffile import ELFFile

from parity import tree
from parity.disk import BLOCK_BYTES, archive, check, loadable, places
from parity.errors import BuildError, UserError

TREE = Path(__file__).parents[1] / "trees" / "reference.yaml"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")


def elf(code: bytes, after: bytes) -> bytes:
    """A program of one segment, followed by what a linker adds: here one section header and its own bytes."""
    offset = 64 + 56
    sections = offset + len(code) + len(after)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = HEADER.pack(ident, 2, 183, 1, 0x41000000, 64, sections, 0, 64, 56, 1, 64, 1, 0)
    segment = SEGMENT.pack(1, 5, offset, 0x41000000, 0x41000000, len(code), len(code), 0x1000)
    return header + segment + code + after + bytes(64)


def test_debug_information_does_not_reach_the_disk() -> None:
    first = loadable(elf(b"code" * 8, b"line 1 of main.rs"))
    second = loadable(elf(b"code" * 8, b"line 2 of main.rs, and more"))
    assert first == second
    assert first.endswith(b"code" * 8)


def test_what_is_kept_is_still_an_elf_with_the_same_segments() -> None:
    whole = elf(b"code" * 8, b"debug")
    before, after = (ELFFile(io.BytesIO(each)) for each in (whole, loadable(whole)))
    assert after.num_sections() == 0
    assert after.header["e_entry"] == before.header["e_entry"]
    assert [s.header for s in after.iter_segments()] == [s.header for s in before.iter_segments()]
    assert next(after.iter_segments()).data() == b"code" * 8


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n"])
def test_what_is_no_elf_is_a_build_error(content: bytes) -> None:
    with pytest.raises(BuildError, match="not an ELF file"):
        loadable(content)


def test_the_archive_is_the_same_bytes_whatever_the_order() -> None:
    files = {PurePosixPath("/b/deep/file"): b"2", PurePosixPath("/a"): b"1"}
    modes = {PurePosixPath("/b/deep/file"): 0o755, PurePosixPath("/a"): 0o644}
    first = archive(files, modes)
    assert first == archive(dict(reversed(files.items())), modes)
    entries = tarfile.open(fileobj=io.BytesIO(first)).getmembers()  # noqa: SIM115
    assert [(entry.name, entry.mode, entry.uid, entry.mtime) for entry in entries] == [
        ("./a", 0o644, 0, 0),
        ("./b", 0o755, 0, 0),
        ("./b/deep", 0o755, 0, 0),
        ("./b/deep/file", 0o755, 0, 0),
    ]


def test_empty_folders_are_in_the_archive_once() -> None:
    files = {PurePosixPath("/b/file"): b"1"}
    empty = [PurePosixPath("/dev"), PurePosixPath("/var/log"), PurePosixPath("/b"), PurePosixPath("/dev")]
    content = archive(files, dict.fromkeys(files, 0o644), empty)
    entries = tarfile.open(fileobj=io.BytesIO(content)).getmembers()  # noqa: SIM115
    assert [(entry.name, entry.isdir()) for entry in entries] == [
        ("./b", True),
        ("./b/file", False),
        ("./dev", True),
        ("./var", True),
        ("./var/log", True),
    ]
    assert {entry.mode for entry in entries if entry.isdir()} == {0o755}


def test_symbolic_links_are_in_the_archive_with_their_folders() -> None:
    links = {PurePosixPath("/links/long"): "../" * 300 + "a", PurePosixPath("/a"): "nowhere"}
    content = archive({}, {}, links=links)
    assert content == archive({}, {}, links=dict(reversed(links.items())))
    entries = tarfile.open(fileobj=io.BytesIO(content)).getmembers()  # noqa: SIM115
    assert [(entry.name, entry.type, entry.linkname, entry.mode, entry.mtime) for entry in entries] == [
        ("./a", tarfile.SYMTYPE, "nowhere", 0o777, 0),
        ("./links", tarfile.DIRTYPE, "", 0o755, 0),
        ("./links/long", tarfile.SYMTYPE, "../" * 300 + "a", 0o777, 0),
    ]


def test_the_longest_target_of_a_link_fills_a_block() -> None:
    assert tree.LINK_BYTES_MAX + len("\0") == BLOCK_BYTES


def test_a_program_lies_where_programs_do_and_where_its_copies_do() -> None:
    reference = tree.load(TREE)
    copies = {PurePosixPath("/sbin/true"): "true"}
    small = replace(reference, disk=replace(reference.disk, copies=copies))
    programs = {"true": "t", "init": "i"}
    assert places(small, programs) == {
        PurePosixPath("/bin/true"): "t",
        PurePosixPath("/bin/init"): "i",
        PurePosixPath("/sbin/true"): "t",
    }
    assert places(small, {"init": "i"}) == {PurePosixPath("/bin/init"): "i"}


def test_a_copy_of_a_program_that_there_is_not_is_the_users_mistake() -> None:
    reference = tree.load(TREE)
    copies = {PurePosixPath("/sbin/ture"): "ture"}
    wrong = replace(reference, disk=replace(reference.disk, copies=copies))
    with pytest.raises(UserError, match="no program 'ture' for /sbin/ture; did you mean 'true'"):
        check(wrong, {"true": "t"})
