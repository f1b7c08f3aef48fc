"""A store that is damaged, or that others write to: all is right, made again, or told in one line."""

from __future__ import annotations

import os
import random
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from parity.core.errors import MachineError
from parity.results.evidence import Evidence, Ledger
from parity.store import eviction, lease
from parity.store.stage_history import History
from parity.store.store import Outputs, Store, action_key

pytestmark = pytest.mark.attack

CONTENT = b"what a stage has made\n" * 99
KEY = action_key("stage", {"source": "a"})
SEEN = Evidence(
    *(KEY, "fork_test", "aarch64", "pass", "PID 1 ended with status 0", 0.1, 0.3, "a" * 64, None),
    *("QEMU 10", "host", "c" * 64, "2026-01-01T00:00:00+00:00"),
)
FLIPS = [
    200,
    pytest.param(20_000, marks=[pytest.mark.thorough, pytest.mark.timeout(1800)]),
]  # bits, one at a time


class Command:
    """What commands do with a store and a checkout's notes, as one of them would."""

    def __init__(self, place: Path) -> None:
        self.root, self.checkout = place / "store", place / "build"
        self.store, self.ledger = Store(self.root), Ledger(self.root)
        self.history = History(self.checkout)
        self.complaints: list[str] = []

    def use(self) -> None:
        """Gives what is kept, or makes it again; looks for evidence, and adds some."""
        outputs, complaint = self.store.lookup(KEY)
        if complaint:
            self.complaints.append(complaint)
        if outputs is None:
            outputs = Outputs({"kernel": self.store.put_bytes(CONTENT)}, {"seconds": 3})
            self.store.record(KEY, "stage", outputs)
        assert self.store.read(outputs.files["kernel"]) == CONTENT
        assert outputs.facts == {"seconds": 3}
        known = self.ledger.of(KEY).known
        assert known is None or known.verdict == "pass"
        self.ledger.append(SEEN)
        assert self.history.inputs("stage") in (None, {"x": 1})
        self.history.remember("stage", {"x": 1})

    def collect(self) -> None:
        """Removes what can be removed."""
        with lease.removing(self.root):
            found = eviction.blobs(self.root)
            eviction.holdings(self.root, found)
            eviction.remove(self.root, found)


@pytest.fixture(autouse=True)
def no_wait() -> Iterator[None]:
    """Nothing here may wait for what does not come."""

    def late(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError("it waits")

    former = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 20)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, former)


def used(tmp_path: Path) -> Path:
    """A place where a command has run."""
    Command(tmp_path).use()
    return tmp_path


PLACES = {
    "a blob": "store/blobs/*/*",
    "a record": "store/actions/*/*",
    "evidence": "store/evidence/*/*",
    "a note": "build/stages/*.json",
    "the lock": "store/locks/store.lock",
    "a shelf of blobs": "store/blobs/*",
    "a shelf of records": "store/actions/*",
    "a shelf of evidence": "store/evidence/*",
    "all blobs": "store/blobs",
    "all records": "store/actions",
    "all evidence": "store/evidence",
    "all locks": "store/locks",
    "what is unfinished": "store/tmp",
}


def full_folder(place: Path) -> None:
    (place / "ab").mkdir(parents=True)
    (place / "ab" / ("ab" * 32)).write_bytes(b"somebody's")


def bound(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as ours:
        here = Path.cwd()
        os.chdir(place.parent)  # names of sockets are short
        try:
            ours.bind(place.name)
        finally:
            os.chdir(here)


ODD: dict[str, Callable[[Path], object]] = {
    "an empty folder": lambda place: place.mkdir(),
    "a full folder": full_folder,
    "a FIFO": lambda place: os.mkfifo(place),
    "a socket": bound,
    "a link to itself": lambda place: place.symlink_to(place),
    "a link to a file that waits": lambda place: place.symlink_to("/dev/tty"),
    "a link to a file without end": lambda place: place.symlink_to("/dev/zero"),
    "an empty file": lambda place: place.touch(),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("where", PLACES)
def test_whatever_lies_there_is_made_again_or_told_in_one_line(tmp_path: Path, where: str, odd: str) -> None:
    (place,) = used(tmp_path).glob(PLACES[where])
    place.rename(tmp_path / "moved away")
    ODD[odd](place)
    for command in (Command(tmp_path), Command(tmp_path)):
        for work in (command.use, command.collect):
            try:
                work()
            except MachineError as error:
                assert str(place) in str(error) and error.hint, error


@pytest.mark.parametrize("where", PLACES)
def test_nothing_is_written_or_removed_through_a_link(tmp_path: Path, where: str) -> None:
    (place,) = used(tmp_path).glob(PLACES[where])
    elsewhere = tmp_path / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    before = contents(elsewhere)
    for work in (Command(tmp_path).use, Command(tmp_path).collect):
        try:
            work()
        except MachineError as error:
            assert str(place) in str(error)
    assert contents(elsewhere) == before


def contents(place: Path) -> dict[Path, bytes]:
    return {each: each.read_bytes() for each in (place, *place.rglob("*")) if each.is_file()}


def test_what_is_no_blob_is_not_collected(tmp_path: Path) -> None:
    root = used(tmp_path) / "store"
    (shelf,) = (root / "blobs").iterdir()
    (root / "blobs" / "other").mkdir()
    others = [shelf / "notes.txt", shelf / ("0" * 64), root / "blobs" / "other" / ("ab" * 32)]
    for other in others:
        other.write_text("somebody's")
    Command(tmp_path).collect()
    assert all(other.read_text() == "somebody's" for other in others)
    assert [each.name for each in shelf.iterdir() if each not in others] == []


@pytest.mark.parametrize("where", ["a blob", "a record", "evidence", "a note"])
@pytest.mark.parametrize("flips", FLIPS)
def test_no_flipped_bit_is_served(tmp_path: Path, where: str, flips: int) -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    used(tmp_path)
    Ledger(tmp_path / "store").append(replace(SEEN, verdict="fail", cause="it ended with status 3"))
    seen = Ledger(tmp_path / "store").of(KEY).found
    (place,) = tmp_path.glob(PLACES[where])
    content = place.read_bytes()
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    for _ in range(flips):
        at, bit = chance.randrange(len(content)), chance.randrange(8)
        place.unlink()
        place.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        told = f"seed {seed}: bit {bit} of byte {at} of {where}"
        command = Command(tmp_path)
        found = command.ledger.of(KEY)
        assert all(each in seen for each in found.found), told
        # What passed counts only while the failure after it can be read.
        assert found.known is None or found.known.verdict != "pass", told
        assert command.history.inputs("stage") in (None, {"x": 1}), told
        outputs, complaint = command.store.lookup(KEY)
        if outputs is None:
            assert complaint and "made again" in complaint, told
            digest = command.store.put_bytes(CONTENT)
            command.store.record(KEY, "stage", Outputs({"kernel": digest}, {"seconds": 3}))
        else:
            assert outputs.facts == {"seconds": 3}, told
            assert command.store.read(outputs.files["kernel"]) == CONTENT, told


def test_a_blob_that_is_written_to_while_a_command_uses_it_is_not_read(tmp_path: Path) -> None:
    command = Command(tmp_path)
    command.use()
    (blob,) = tmp_path.glob(PLACES["a blob"])
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(b"What")
    with pytest.raises(MachineError, match="was changed while it was used"):
        command.store.read(blob.name)
    with (
        pytest.raises(MachineError, match="was changed while it was used"),
        (tmp_path / "x").open("wb") as copy,
    ):
        command.store.copy(blob.name, copy)
    again = Command(tmp_path)
    again.use()
    assert len(again.complaints) == 1 and "is damaged; made again" in again.complaints[0]


USER = 65534


def as_user(place: Path, *steps: str) -> str:
    """What commands complain of that are not root's, with umask 077; "" when all is well."""
    root = os.geteuid() == 0
    umask = os.umask(0o077)
    if root:
        os.setegid(USER)
        os.seteuid(USER)
    try:
        for step in steps:
            getattr(Command(place), step)()
    except MachineError as error:
        return str(error)
    finally:
        if root:
            os.seteuid(0)
            os.setegid(0)
        os.umask(umask)
    return ""


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A place of a user who is not root, below folders that all may pass."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        place = Path(folder)
        if os.geteuid() == 0:
            os.chown(place, USER, USER)
        yield place
        place.chmod(0o700)
        for each in place.rglob("*"):
            if each.is_dir():
                each.chmod(0o700)


def test_modes_are_set_whatever_the_umask(theirs: Path) -> None:
    assert as_user(theirs, "use", "use", "collect") == ""
    for part in ("blobs", "actions", "evidence", "locks"):
        for place in ((theirs / "store" / part), *(theirs / "store" / part).rglob("*")):
            mode = place.stat().st_mode & 0o777
            assert mode == 0o755 if place.is_dir() else mode in (0o444, 0o644), place


@pytest.mark.parametrize("where", PLACES)
def test_what_may_not_be_read_is_made_again_or_told_in_one_line(theirs: Path, where: str) -> None:
    assert as_user(theirs, "use") == ""
    (place,) = theirs.glob(PLACES[where])
    place.chmod(0)
    said = as_user(theirs, "use", "collect", "use")
    assert not said or (str(place) in said and len(said.splitlines()) <= 2)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("where", PLACES)
def test_what_belongs_to_another_user_is_made_again_or_told_in_one_line(theirs: Path, where: str) -> None:
    assert as_user(theirs, "use") == ""
    (place,) = theirs.glob(PLACES[where])
    os.chown(place, 0, 0)
    place.chmod(0o700 if place.is_dir() else 0o600)
    said = as_user(theirs, "use", "collect", "use")
    assert not said or (str(place) in said and len(said.splitlines()) <= 2)
