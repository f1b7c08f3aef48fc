import shutil
from pathlib import Path

import pytest

from parity.docker import doctor
from parity.docker.doctor import State

ROOT = Path(__file__).parents[1]


def test_without_docker_the_rest_is_still_examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    findings = {finding.name: finding for finding in doctor.examine(ROOT, tmp_path / "not" / "yet")}
    assert findings["docker"].state is State.LACK
    assert findings["docker"].hint
    assert findings["python"].detail.startswith("3.")
    assert str(tmp_path / "not" / "yet") in findings["cache"].detail
    assert not (tmp_path / "not").exists(), "looking makes nothing"


def test_little_room_is_a_lack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    usage = shutil.disk_usage(tmp_path)._replace(free=2**30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    cache = next(finding for finding in doctor.examine(ROOT, tmp_path) if finding.name == "cache")
    assert cache.state is State.LACK
    assert "1.0 GiB free" in cache.detail
