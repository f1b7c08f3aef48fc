"""Containers that are being created are noted, so that those of dead clients are found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests

from parity.core import host
from parity.docker.creation import FOLDER, Creations
from parity.docker.owner import current_owner


@pytest.fixture
def creations(tmp_path: Path) -> Creations:
    return Creations(tmp_path, current_owner(tmp_path))


def died(creations: Creations) -> Creations:
    """The same of a client that is gone."""
    client = creations.owner.client
    gone = host.ProcessId(client.pid, client.start_ticks - 1, client.boot)
    return replace(creations, owner=replace(creations.owner, client=gone))


def test_a_note_is_there_while_a_container_is_created(creations: Creations) -> None:
    with creations.noted("image") as name:
        assert (creations.cache / FOLDER / name).is_file()
        assert creations.abandoned() == {}, "its client lives"
    assert list((creations.cache / FOLDER).iterdir()) == []
    with died(creations).noted("image") as name:
        assert creations.abandoned() == {name: "image"}
        assert Creations(creations.cache, replace(creations.owner, id="another")).abandoned() == {}


@pytest.mark.parametrize("text", ["", "[", "3", "{}", json.dumps({"client": 3, "image": 4})])
def test_a_damaged_note_is_of_nobody_alive(creations: Creations, text: str) -> None:
    with creations.noted("image") as name:
        (creations.cache / FOLDER / name).write_text(text)
        assert list(creations.abandoned()) == [name]


class Daemon:
    """A daemon that is still creating a container, and has it after some questions."""

    def __init__(self, questions: int, *, comes: bool = True) -> None:
        self.api = self
        self.questions, self.comes, self.removed, self.names = questions, comes, list[str](), set[str]()

    def remove_container(self, name: str, **_: Any) -> None:
        if name.startswith("parity-") and (self.questions or not self.comes):
            raise docker.errors.NotFound("no such container")
        self.removed.append(name)

    def create_container(self, _image: str, _command: list[str], name: str) -> dict[str, str]:
        if self.questions:
            self.questions -= 1
            answer = requests.Response()
            answer.status_code = 409
            raise docker.errors.APIError("in use", response=answer)
        return {"Id": f"placeholder of {name}"}


@pytest.mark.parametrize("questions", [0, 3])
def test_a_container_that_comes_late_is_removed(creations: Creations, questions: int) -> None:
    daemon: Any = Daemon(questions)
    note = died(creations).noted("image")
    name = note.__enter__()  # and never left
    assert creations.reap(daemon) == 1
    assert daemon.removed == [name]
    assert creations.abandoned() == {}


def test_a_container_that_does_not_come_is_not_waited_for(creations: Creations) -> None:
    daemon: Any = Daemon(0, comes=False)
    note = died(creations).noted("image")
    name = note.__enter__()
    assert creations.reap(daemon) == 0
    assert daemon.removed == [f"placeholder of {name}"]
    assert creations.abandoned() == {}
