"""What the store holds and what goes: the least recently used first, no more than has to."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from parity.store import eviction, lease
from parity.store.store import Outputs, Store, action_key


def kept(root: Path, name: str, used: int, size: int = 10) -> tuple[str, str]:
    """An action with one blob of `size` bytes, last used at `used` seconds; its key and the blob's digest."""
    store = Store(root)
    digest = store.put_bytes(name.encode().ljust(size))
    key = action_key("cargo", {"name": name})
    store.record(key, "cargo", Outputs({"kernel": digest}))
    os.utime(store.local(digest), (used, used))
    return key, digest


def test_blobs_come_least_recently_used_first(tmp_path: Path) -> None:
    digests = [kept(tmp_path, name, used)[1] for name, used in (("b", 200), ("a", 100), ("c", 300))]
    assert [blob.digest for blob in eviction.blobs(tmp_path)] == [digests[1], digests[0], digests[2]]


def test_a_lookup_is_a_use_and_changes_no_mtime(tmp_path: Path) -> None:
    key, digest = kept(tmp_path, "old", 100)
    kept(tmp_path, "newer", 200)
    assert Store(tmp_path).lookup(key)[0] is not None
    assert [blob.digest for blob in eviction.blobs(tmp_path)][-1] == digest
    assert Store(tmp_path).local(digest).stat().st_mtime == 100


def test_no_more_goes_than_has_to(tmp_path: Path) -> None:
    for number in range(5):
        kept(tmp_path, str(number), 100 + number)
    found = eviction.blobs(tmp_path)
    assert eviction.surplus(found, 50) == []
    assert eviction.surplus(found, 49) == found[:1]
    assert eviction.surplus(found, 20) == found[:3]
    assert eviction.surplus(found, 0) == found


def test_what_goes_takes_the_actions_that_promise_it_along(tmp_path: Path) -> None:
    old, _ = kept(tmp_path, "old", 100)
    new, _ = kept(tmp_path, "new", 200)
    eviction.remove(tmp_path, eviction.surplus(eviction.blobs(tmp_path), 10))
    assert Store(tmp_path).lookup(old) == (None, None)  # neither there nor complained about
    assert Store(tmp_path).lookup(new)[0] is not None


def test_holdings_are_by_stage_with_sizes_and_ages(tmp_path: Path) -> None:
    kept(tmp_path, "a", 100, size=1000)
    kept(tmp_path, "b", 200, size=1000)
    Store(tmp_path).put_bytes(b"recording")
    big, small = eviction.holdings(tmp_path, eviction.blobs(tmp_path))
    assert (big.stage, big.count, big.size) == ("cargo", 2, 2000)
    assert round(big.oldest_s - big.youngest_s) == 100
    assert (small.stage, small.count, small.size) == (eviction.OTHERS, 1, 9)


def test_room_is_counted_without_holes(tmp_path: Path) -> None:
    Store(tmp_path).put_bytes(bytes(2**20) + b"end")
    (blob,) = eviction.blobs(tmp_path)
    assert 0 < blob.size < 2**16


def test_what_a_running_command_uses_stays_and_the_rest_goes(tmp_path: Path) -> None:
    keys = [kept(tmp_path, name, used) for name, used in (("old", 100), ("new", 200))]
    with lease.removing(tmp_path) as claimed:
        assert claimed == frozenset()
    child = os.fork()
    if child == 0:
        store = Store(tmp_path)
        made = store.put_bytes(b"made".ljust(10))
        assert store.lookup(keys[0][0])[0] is not None and made
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    try:
        with lease.removing(tmp_path) as claimed:
            gone = eviction.surplus(eviction.blobs(tmp_path), 0, claimed)
        assert [blob.digest for blob in gone] == [keys[1][1]]
        assert len(claimed) == 2
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with lease.removing(tmp_path) as claimed:  # the dead need nothing
        assert claimed == frozenset()
        assert len(eviction.surplus(eviction.blobs(tmp_path), 0, claimed)) == 3


def test_nobody_looks_at_a_blob_while_some_are_removed(tmp_path: Path) -> None:
    key, _ = kept(tmp_path, "old", 100)
    found: list[object] = []
    looker = threading.Thread(target=lambda: found.append(Store(tmp_path).lookup(key)[0]))
    with lease.removing(tmp_path):
        looker.start()
        looker.join(0.2)
        assert looker.is_alive()
        eviction.remove(tmp_path, eviction.blobs(tmp_path))
    looker.join()
    assert found == [None]


def test_a_command_that_ends_leaves_no_claim(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put_bytes(b"something")
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    del store
    gc.collect()
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("outputs", [{"a": {"digest": "x"}}, {"a": ["x"]}, ["x"], 3, None])
def test_a_record_of_another_version_stops_no_gc(tmp_path: Path, outputs: object) -> None:
    (tmp_path / "actions" / "ab").mkdir(parents=True)
    record = tmp_path / "actions" / "ab" / "ab.json"
    record.write_text(json.dumps({"format": 2, "stage": "cargo", "outputs": outputs}))
    digest = Store(tmp_path).put_bytes(b"x")
    found = eviction.blobs(tmp_path)
    assert [holding.count for holding in eviction.holdings(tmp_path, found)] == [1]
    eviction.remove(tmp_path, found)
    assert not Store(tmp_path).local(digest).exists() and record.exists()
