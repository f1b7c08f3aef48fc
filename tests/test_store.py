"""The store: what goes in comes out whole, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from parity.core.errors import MachineError
from parity.store import sealed
from parity.store.store import FORMAT, Digest, Outputs, Store, action_key


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def kept(store: Store, content: bytes = b"kernel") -> tuple[str, str]:
    digest = store.put_bytes(content)
    key = action_key("cargo", {"source": "a"})
    store.record(key, "cargo", Outputs({"kernel": digest}, {"seconds": 3}))
    return key, digest


def test_a_blob_lies_under_its_sha256_and_is_read_only(store: Store) -> None:
    digest = store.put_bytes(b"abc")
    assert digest == hashlib.sha256(b"abc").hexdigest()
    assert store.read(digest) == b"abc"
    assert store.local(digest).stat().st_mode & 0o777 == 0o444


def test_a_copy_is_taken_of_a_file(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "kernel"
    file.write_bytes(b"first")
    digest = store.put(file)
    file.write_bytes(b"swapped")
    assert store.read(digest) == b"first"


def test_outputs_come_back_under_their_key(store: Store, tmp_path: Path) -> None:
    key, digest = kept(store)
    outputs, complaint = Store(tmp_path).lookup(key)
    assert complaint is None
    assert outputs == Outputs({"kernel": digest}, {"seconds": 3})


def test_an_unknown_key_gives_nothing_and_no_complaint(store: Store) -> None:
    assert store.lookup("0" * 64) == (None, None)


@pytest.mark.parametrize("damage", [b"", b"kerne", b"kernel and more", b"Kernel"])
def test_a_damaged_blob_is_noticed_even_with_its_time_put_back(
    store: Store, tmp_path: Path, damage: bytes
) -> None:
    key, digest = kept(store)
    blob = store.local(digest)
    before = blob.stat()
    blob.chmod(0o644)
    blob.write_bytes(damage)
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = Store(tmp_path)
    outputs, complaint = again.lookup(key)
    assert outputs is None
    assert complaint is not None and "damaged" in complaint and "kernel" in complaint
    assert again.put_bytes(b"kernel") == digest
    assert again.read(digest) == b"kernel"


def sparse(tmp_path: Path) -> Path:
    """A file of 4 MiB and a bit with three islands of data, the last in its last byte."""
    file = tmp_path / "disk"
    with file.open("wb") as disk:
        for place, content in ((0, b"boot"), (3 * 2**20 - 2, b"over a border"), (2**22 + 99, b"!")):
            disk.seek(place)
            disk.write(content)
    return file


def test_zeros_are_kept_as_holes_wherever_they_are(store: Store, tmp_path: Path) -> None:
    file = sparse(tmp_path)
    content = file.read_bytes()
    for digest in (store.put(file), store.put_bytes(content), store.put_bytes(content + bytes(2**21))):
        place = store.local(digest)
        assert hashlib.sha256(store.read(digest)).hexdigest() == digest
        assert place.stat().st_blocks * 512 <= 2**18
    assert len(store.read(digest)) == len(content) + 2**21


@pytest.mark.parametrize("size", [0, 1, 2**14, 2**20 - 1, 2**20, 2**20 + 1])
def test_nothing_but_zeros_is_kept_to_the_byte(store: Store, size: int) -> None:
    assert store.read(store.put_bytes(bytes(size))) == bytes(size)


@pytest.mark.parametrize("damage", ["a byte in a hole", "a hole for data", "a hole cut", "a hole longer"])
def test_damage_to_a_blob_with_holes_is_noticed(store: Store, tmp_path: Path, damage: str) -> None:
    digest = store.put(sparse(tmp_path))
    blob = store.local(digest)
    before = blob.stat()
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        if damage == "a byte in a hole":
            file.seek(2**21)
            file.write(b"x")
        elif damage == "a hole for data":
            file.write(bytes(2**14))
        else:
            file.truncate(before.st_size + (-4096 if damage == "a hole cut" else 4096))
    os.utime(blob, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not Store(tmp_path).intact(digest)


def test_what_is_known_is_not_read_and_what_is_gone_is_not_known(store: Store, tmp_path: Path) -> None:
    key, digest = kept(store)
    os.utime(store.local(digest), (100, 100))
    assert Store(tmp_path).known(key) == Outputs({"kernel": digest}, {"seconds": 3})
    assert store.local(digest).stat().st_atime > 100  # gc is told
    store.local(digest).unlink()
    assert Store(tmp_path).known(key) is None
    assert Store(tmp_path).known("0" * 64) is None


def test_a_blob_that_is_gone_is_said_to_be(store: Store, tmp_path: Path) -> None:
    key, digest = kept(store)
    store.local(digest).unlink()
    outputs, complaint = Store(tmp_path).lookup(key)
    assert outputs is None
    assert complaint is not None and "gone" in complaint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"outputs": 3, "facts": {}}'])
def test_a_torn_record_is_made_again(store: Store, text: str) -> None:
    key, _ = kept(store)
    place = next(store.root.glob("actions/*/*.json"))
    place.chmod(0o644)
    place.write_text(text)
    outputs, complaint = store.lookup(key)
    assert outputs is None
    assert complaint is not None and "damaged" in complaint
    assert not place.exists()


def test_nothing_half_written_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="cannot be written: No space left on device"):
        store.put_bytes(b"abc")
    left = {path.name for path in store.root.rglob("*") if path.is_file()}
    assert left == {"store.lock", "claims"}


def test_a_key_depends_on_all_that_went_in_and_not_on_order() -> None:
    key = action_key("cargo", {"a": 1, "b": [1, 2]})
    assert key == action_key("cargo", {"b": [1, 2], "a": 1})
    assert key != action_key("disk", {"a": 1, "b": [1, 2]})
    assert key != action_key("cargo", {"a": 1, "b": [2, 1]})


DIGEST = "ab" * 32


def with_record(tmp_path: Path, record: object) -> tuple[Store, Digest, Path]:
    """A store in which an action's record says this."""
    store, key = Store(tmp_path), action_key("cargo", {})
    store.record(key, "cargo", Outputs({"kernel": store.put_bytes(b"elf")}))
    (place,) = tmp_path.glob("actions/*/*.json")
    place.chmod(0o644)
    place.write_text(json.dumps(record))
    return store, key, place


RECORD = {"format": FORMAT, "stage": "cargo", "outputs": {"kernel": DIGEST}, "facts": {}}


@pytest.mark.parametrize(
    "change",
    [
        *({"format": form} for form in (1, 3, "2", None)),
        *({"key": DIGEST}, {"stage": 3}, {"facts": 3}, {"outputs": 3}, {"more": 1}, {"outputs": {"a": 3}}),
        *({"outputs": {"a": "../../../etc/passwd"}}, {"outputs": {"a": [DIGEST]}}),
        *({"outputs": {"a": DIGEST + "\n"}}, {"outputs": {"a": DIGEST.upper()}}),
        *({"outputs": {name: DIGEST}} for name in ("../a", "a/../../b", "/etc/passwd", "", ".", "a\0b")),
    ],
)
def test_a_record_that_is_none_is_made_again_and_names_no_place_elsewhere(
    tmp_path: Path, change: dict[str, object]
) -> None:
    store, key, place = with_record(tmp_path, {})
    place.write_bytes(sealed.seal({**RECORD, "key": key, **change}))
    outputs, complaint = store.lookup(key)
    assert outputs is None and complaint is not None and "is damaged; made again" in complaint
    assert not place.exists()


@pytest.mark.parametrize("record", [3, [], None, {"format": 1}, {**RECORD, "key": "a"}])
def test_a_record_without_its_digest_is_made_again(tmp_path: Path, record: object) -> None:
    store, key, place = with_record(tmp_path, record)
    outputs, complaint = store.lookup(key)
    assert outputs is None and complaint is not None and "is damaged; made again" in complaint
    assert not place.exists()
