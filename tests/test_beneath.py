"""A folder that a container writes to: nothing that it put there leads the host elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from parity.build import jail
from parity.build.beneath import DEPTH, Folder
from parity.core.errors import BuildError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a file in a folder; beside it, one that is none of its business."""
    (tmp_path / "root" / "inner").mkdir(parents=True)
    (tmp_path / "root" / "inner" / "file").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    return tmp_path / "root"


def test_files_are_read_and_written(root: Path) -> None:
    folder = Folder(root)
    with folder.open("inner/file") as file:
        assert file.read() == b"inside"
    with folder.new("new/folder/file", 0o755, 10**18) as file:
        file.write(b"new")
    status = (root / "new/folder/file").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns, status.st_size) == (0o755, 10**18, 3)
    assert {entry.path for entry in folder.entries() if entry.regular} == {"inner/file", "new/folder/file"}
    folder.remove("inner/file")
    assert not folder.exists("inner/file") and folder.exists("inner")


@pytest.mark.parametrize(
    "path", ["../outside/file", "/etc/passwd", "", ".", "inner/../../outside/file", "a\0"]
)
def test_a_path_that_leads_outside_is_refused(root: Path, path: str) -> None:
    with pytest.raises(BuildError):
        Folder(root).open(path)
    with pytest.raises(BuildError), Folder(root).new(path, 0o644, 0):
        pass


@pytest.mark.parametrize("absolute", [True, False])
def test_links_are_not_followed(root: Path, absolute: bool) -> None:
    folder, outside = Folder(root), root.parent / "outside"
    (root / "link").symlink_to(outside if absolute else "../outside")
    (root / "inner/linked").symlink_to(outside / "file" if absolute else "../../outside/file")
    for path in ("link/file", "inner/linked"):
        with pytest.raises(BuildError, match="no file of the build"):
            folder.open(path)
        assert folder.exists(path), "so that nothing is put there"
        with pytest.raises(OSError), folder.new(path, 0o644, 0):
            pass
        folder.remove("link/file")
    with pytest.raises(OSError), folder.new("link/new/file", 0o644, 0):
        pass
    assert list(folder.entries("link")) == []
    assert "link/file" not in {entry.path for entry in folder.entries()}
    folder.clear()
    assert os.listdir(root) == []  # noqa: PTH208
    assert (outside / "file").read_text() == "outside" and os.listdir(outside) == ["file"]  # noqa: PTH208


def test_what_is_no_file_is_refused_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for path in ("pipe", "inner", "absent", "inner/file/x"):
        with pytest.raises(BuildError, match="no file of the build"):
            Folder(root).open(path)


def test_no_folder_is_too_deep_or_shut_to_be_removed(root: Path) -> None:
    here = os.open(root, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("in", dir_fd=here)
        inner = os.open("in", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (root / "inner").chmod(0)
    with pytest.raises(BuildError, match=f"deeper than {DEPTH}"):
        list(Folder(root).entries())
    Folder(root).clear()
    assert list(root.iterdir()) == []


def test_use_is_measured_and_not_longer_than_needed(root: Path) -> None:
    (root / "large").write_bytes(b"x" * 2**20)
    os.link(root / "large", root / "again")
    (root / "link").symlink_to(root.parent / "outside")
    all_of_it = jail.usage(Folder(root), jail.Usage(2**40, 2**40))
    assert 2**20 <= all_of_it.size < 2**21, "a file with two names takes its room once"
    assert all_of_it.files == 4
    assert jail.usage(Folder(root), jail.Usage(2**40, 1)).files == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_all_of_it_is_given_to_the_user_of_builds(root: Path) -> None:
    """As after a copy of a checkout, in which all belongs to the one who copied it."""
    (root / "link").symlink_to(root.parent / "outside" / "file")
    Folder(root).give(65_533, 65_533)
    assert {path.lstat().st_uid for path in (root, *root.rglob("*"))} == {65_533}
    assert (root.parent / "outside" / "file").stat().st_uid == 0
    with Folder(root).new("more/file", 0o644, 0):
        pass
    assert (root / "more").stat().st_uid == (root / "more" / "file").stat().st_uid == 65_533
