"""What is recorded of the tools: Debian's packages, and the lock file of Python's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.docker import versions

ROOT = Path(__file__).parents[1]
PACKAGES = {"lld": "1:19.0", "rustc-web": "1.96.0"}


def test_what_differs_from_the_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "toolchains").mkdir()
    assert versions.differences(tmp_path, "amd64", "toolchain", PACKAGES) == []
    versions.record(tmp_path, {"amd64": {"toolchain": PACKAGES}})
    versions.record(tmp_path, {"amd64": {"qemu": {"qemu": "10"}}, "arm64": {"qemu": {"qemu": "11"}}})
    assert versions.differences(tmp_path, "amd64", "toolchain", PACKAGES) == []
    now = {"rustc-web": "1.97.0", "gcc": "14"}
    found = versions.differences(tmp_path, "amd64", "toolchain", now)
    assert found == ["gcc absent → 14", "lld 1:19.0 → absent", "rustc-web 1.96.0 → 1.97.0"]
    assert "3 packages differ from those recorded" in versions.message(found)
    assert versions.differences(tmp_path, "arm64", "toolchain", now) == []


@pytest.mark.parametrize("text", ["", "[", "3", '{"amd64": 3}', '{"amd64": {"qemu": 3}}'])
def test_a_damaged_record_is_a_users_mistake(tmp_path: Path, text: str) -> None:
    (tmp_path / "toolchains").mkdir()
    (tmp_path / versions.RECORD).write_text(text)
    with pytest.raises(UserError, match="not a record of versions"):
        versions.recorded(tmp_path)


def test_the_images_of_this_checkout_are_recorded() -> None:
    found = versions.recorded(ROOT)["amd64"]
    assert {"toolchain", "qemu"} <= found.keys()
    assert "rustc-web" in found["toolchain"] and "qemu-system-arm" in found["qemu"]


def test_the_lock_file_has_what_pyproject_names_each_with_a_hash() -> None:
    """Otherwise ./doit would install something else: run toolchains/update."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    wanted += project["build-system"]["requires"]
    text = (ROOT / "toolchains" / "python.lock").read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert {each.lower() for each in wanted} <= {entry.split(" ")[0] for entry in entries}
    assert all("--hash=sha256:" in entry for entry in entries)
