"""What stages were last made of, and which were forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parity.core.errors import MachineError
from parity.store import sealed
from parity.store.stage_history import History, changes


def test_the_last_inputs_come_back(tmp_path: Path) -> None:
    history = History(tmp_path)
    assert history.inputs("kernel a") is None
    history.remember("kernel a", {"x": 1})
    history.remember("kernel a", {"x": 2})
    history.remember("kernel/a", {"x": 3})
    assert History(tmp_path).inputs("kernel a") == {"x": 2}
    assert History(tmp_path).inputs("kernel/a") == {"x": 3}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"inputs": 3}'])
def test_a_torn_file_is_no_history(tmp_path: Path, text: str) -> None:
    history = History(tmp_path)
    history.remember("kernel", {"x": 1})
    next(history.folder.glob("*.json")).write_text(text)
    assert history.inputs("kernel") is None


def test_what_is_forgotten_is_so_until_it_is_made_and_its_neighbour_is_not(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.forget("kernel a")
    assert History(tmp_path).forgotten("kernel a")
    assert not history.forgotten("kernel b")
    history.remember("kernel b", {})
    assert history.forgotten("kernel a")
    history.remember("kernel a", {})
    assert not history.forgotten("kernel a")


def test_a_place_that_cannot_be_written_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "stages").write_text("a file where a folder belongs")
    with pytest.raises(MachineError, match="cannot be written"):
        History(tmp_path).remember("kernel", {})


def test_changes_name_what_differs_and_show_what_is_short() -> None:
    before = {"sources": {"a.rs": "1" * 64, "b.rs": "2"}, "arguments": ["--release"], "size": 16}
    now = {"sources": {"a.rs": "3" * 64, "c.rs": "2"}, "arguments": ("--release",), "size": 32}
    assert changes(before, now) == [
        "size changed: 16 → 32",
        "sources: a.rs changed",
        "sources: b.rs is gone",
        "sources: c.rs is new",
    ]
    assert changes(before, before) == []


def test_what_another_version_has_noted_or_is_damaged_is_known_to_be_so(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.remember("kernel", {"x": 1})
    (note,) = history.folder.glob("*.json")
    assert not history.another_version("kernel") and not history.another_version("never made")
    before = note.read_bytes()
    for text in (
        sealed.seal({"format": 3, "title": "kernel", "inputs": {"x": 1}}),
        sealed.seal({"format": 2, "title": "another", "inputs": {"x": 1}}),
        json.dumps({"title": "kernel", "inputs": {"x": 1}}).encode(),  # before there were digests
        before.replace(b'"x": 1', b'"x": 3'),
    ):
        note.write_bytes(text)
        assert history.inputs("kernel") is None and history.another_version("kernel")
    history.remember("kernel", {"x": 1})
    assert note.read_bytes() == before
