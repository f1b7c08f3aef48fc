"""A stage is made once per key: restored on A → B → A, early cutoff, damage noticed, forgotten on request."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from parity.build.why import LINES, Asking, UnknownError
from parity.build.workspace import Workspace
from parity.report.terminal import Screen
from parity.store import store as stores
from parity.store.store import FileDigests, Outputs


class House:
    """Commands, one after another, on one source file: compile it without its comment, link that."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs: list[str] = []
        self.source = b""
        self.said = ""

    def command(self, source: bytes) -> bytes:
        """Makes the product of `source` in a new command; what it printed is in `said`."""
        self.source, self.outputs = source, []
        space, text = self.space(Workspace)
        product = self.stages(space)
        self.said = text.getvalue()
        return product

    def ask(self, source: bytes) -> str:
        """What `why` says of the source."""
        self.source, self.outputs = source, []
        space, text = self.space(Asking)
        try:
            self.stages(space)
        except UnknownError:
            pass
        assert self.outputs == []
        return text.getvalue()

    def space(self, kind: type[Workspace]) -> tuple[Workspace, io.StringIO]:
        text = io.StringIO()
        return kind(self.folder, self.folder / "cache", Screen(Console(file=text, width=200))), text

    def stages(self, space: Workspace) -> bytes:
        def compiled() -> Outputs:
            self.outputs.append("compile")
            return Outputs({"object": space.store.put_bytes(self.source.partition(b"//")[0])})

        part = space.cached_stage("cc", "compile", {"source": self.source.hex()}, compiled).files["object"]

        def linked() -> Outputs:
            self.outputs.append("link")
            return Outputs({"product": space.store.put_bytes(b"linked " + space.store.read(part))})

        product = space.cached_stage("ld", "link", {"object": part}, linked).files["product"]
        return space.store.read(product)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_then_b_then_a_restores(house: House) -> None:
    assert house.command(b"a") == b"linked a"
    assert house.outputs == ["compile", "link"]
    assert house.command(b"b") == b"linked b"
    assert house.outputs == ["compile", "link"]
    assert house.command(b"a") == b"linked a"
    assert house.outputs == []
    assert "compile: kept" in house.said


def test_a_stage_that_gives_the_same_stops_the_next(house: House) -> None:
    house.command(b"a//x")
    house.command(b"a//y")
    assert house.outputs == ["compile"]


@pytest.mark.parametrize("damage", [b"", b"linked", b"linked A", b"linked a and more"])
def test_a_damaged_blob_is_said_and_made_again_though_its_time_is_back(house: House, damage: bytes) -> None:
    house.command(b"a")
    blobs = (house.folder / "cache" / "blobs").glob("*/*")
    (blob,) = [path for path in blobs if path.read_bytes() == b"linked a"]
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(damage)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert house.command(b"a") == b"linked a"
    assert house.outputs == ["link"]
    assert "is damaged; made again" in house.said


def test_what_is_forgotten_is_made_once_and_its_neighbour_is_not(house: House) -> None:
    house.command(b"a")
    house.space(Workspace)[0].history.forget("compile")
    house.command(b"a")
    assert house.outputs == ["compile"]
    house.command(b"a")
    assert house.outputs == []


def many(house: House, sources: dict[str, bytes]) -> list[str]:
    """Makes a product per source, those that are not kept at once; which were made."""
    made: list[str] = []
    space, text = house.space(Workspace)

    def make(missing: Sequence[str]) -> dict[str, Outputs]:
        made.extend(missing)
        return {each: Outputs({"product": space.store.put_bytes(sources[each])}) for each in missing}

    inputs = {title: {"source": source.hex()} for title, source in sources.items()}
    found = space.cached_stages("cc", "products", inputs, make)
    assert {title: space.store.read(each.files["product"]) for title, each in found.items()} == sources
    house.said = text.getvalue()
    return made


def test_of_many_those_that_are_missing_damaged_or_forgotten_are_made_at_once(house: House) -> None:
    sources = {name: name.encode() for name in "abcdef"}
    assert many(house, sources) == list("abcdef")
    assert "products (6): done" in house.said
    assert many(house, sources) == []
    assert "products: kept" in house.said
    house.space(Workspace)[0].history.forget("e")
    (blob,) = [path for path in (house.folder / "cache/blobs").glob("*/*") if path.read_bytes() == b"c"]
    blob.chmod(0o644)
    blob.write_bytes(b"C")
    assert many(house, sources | {"b": b"new"}) == ["b", "c", "e"]
    assert "products (b, c, e): done" in house.said
    assert "c: product" in house.said and "is damaged; made again" in house.said


def test_what_is_known_is_not_made_and_a_forgotten_one_is_not_known(house: House) -> None:
    sources = {"a": b"a"}
    many(house, sources)
    space, _ = house.space(Workspace)
    found = space.known("cc", "a", {"source": b"a".hex()})
    assert found is not None and space.store.read(found.files["product"]) == b"a"
    assert space.known("cc", "a", {"source": b"b".hex()}) is None
    space.history.forget("a")
    assert space.known("cc", "a", {"source": b"a".hex()}) is None


def test_why_says_of_many_what_changed_in_which(house: House) -> None:
    sources = {name: name.encode() for name in "abcdef"}
    many(house, sources)
    space, text = house.space(Asking)
    changed = {"a": {"source": "61", "mke2fs": "2"}, "b": {"source": "62", "mke2fs": "2"}}
    with pytest.raises(UnknownError):
        space.cached_stages("cc", "products", {**changed, "g": {}, "c": {"source": "63"}}, lambda _: {})
    assert text.getvalue().splitlines() == [
        "a, b: mke2fs is new",
        "g: has not run in this checkout",
        "c: nothing changed since it last ran",
        "  no cached result for a, b, g: it would be made, then all later stages",
    ]


def test_why_says_what_changed_and_makes_nothing(house: House) -> None:
    assert "compile: has not run in this checkout" in house.ask(b"a")
    house.command(b"a")
    said = house.ask(b"a")
    assert said.count("nothing changed since it last ran") == 2
    said = house.ask(b"b")
    assert f"source changed: {b'a'.hex()} → {b'b'.hex()}" in said
    assert "it would be made" in said
    house.space(Workspace)[0].history.forget("link")
    assert "it was forgotten" in house.ask(b"a")


def test_what_is_shown_is_a_copy_and_made_again_when_it_was_changed(house: House) -> None:
    space, _ = house.space(Workspace)
    old, new = (space.store.put_bytes(content) for content in (b"old", b"new" + bytes(2**20)))
    place = space.show("kernels/a", {"kernel.elf": old, "stale": old})
    assert place == house.folder / "build" / "kernels" / "a"
    space.show("kernels/b", {"kernel.elf": old})
    space.show("kernels/a", {"kernel.elf": new})
    assert [path.name for path in place.iterdir()] == ["kernel.elf"]
    (place / "kernel.elf").write_bytes(b"stripped")
    assert space.store.read(new) == b"new" + bytes(2**20)
    space.show("kernels/a", {"kernel.elf": new})
    assert (place / "kernel.elf").read_bytes() == b"new" + bytes(2**20)
    assert (place.parent / "b" / "kernel.elf").read_bytes() == b"old"


def test_why_tells_a_stage_once_and_not_all_of_a_long_list(house: House) -> None:
    space, text = house.space(Asking)
    assert isinstance(space, Asking)
    space.history.remember("compile", {"sources": {}})
    sources = {"sources": {f"{number:03}.rs": "x" for number in range(100)}}
    space.compare({"compile": sources})
    space.compare({"compile": sources, "link": {}})
    lines = text.getvalue().splitlines()
    assert len(lines) == 1 + LINES + 2
    assert lines[1] == "  sources: 000.rs is new"
    assert lines[-2:] == [f"  and {100 - LINES} more", "link: has not run in this checkout"]


def test_a_source_is_hashed_once_a_command_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def digest(path: Path) -> str:
        read.append(path)
        return path.read_text()

    monkeypatch.setattr(stores, "file_digest", digest)
    source, known = tmp_path / "main.rs", FileDigests()
    source.write_text("old")
    assert [known.of(source), known.of(source)] == ["old", "old"]
    assert len(read) == 2  # it has changed only just: the clock might not tell the next change
    monkeypatch.setattr(stores, "TICKS_NS", 0)
    time.sleep(0.02)
    assert [known.of(source), known.of(source)] == ["old", "old"]
    assert len(read) == 3
    before = source.stat()
    time.sleep(0.02)
    source.write_text("new")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert known.of(source) == "new"
