"""Checkouts on odd ground: one line and a status, or nothing to see."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "--")


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, text=True, capture_output=True, timeout=60)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no git checkout")
def test_line_ends_are_the_same_wherever_it_is_checked_out(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    done = ran("git", "clone", "-q", "-c", "core.autocrlf=true", str(ROOT), str(clone))
    assert done.returncode == 0, done.stderr
    names = ran("git", "-C", str(clone), "ls-files", "--eol").stdout.splitlines()
    assert names and not [name for name in names if "w/crlf" in name and "attr/-text" not in name]
    assert b"\r" not in (clone / "doit").read_bytes()


@pytest.mark.skipif(ran(*NAMESPACE, "true").returncode != 0, reason="mounts are not for this user")
def test_a_read_only_checkout_without_an_environment_is_told_in_one_line(tmp_path: Path) -> None:
    for name in ("doit", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    mount = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro {tmp_path}"
    done = ran(*NAMESPACE, "sh", "-c", f"{mount} && exec {tmp_path / 'doit'} list")
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert "read-only file system" in said[-1] and len(said) <= 2, said
    assert sorted(each.name for each in tmp_path.iterdir()) == ["doit", "pyproject.toml"]
