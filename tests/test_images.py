import io
import shutil
import tarfile
from pathlib import Path

import pytest

from parity.core.errors import MachineError, UserError
from parity.docker import images, rootfs

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the images' data that a test may change."""
    for folder in ("docker", "toolchains"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_the_recipe_is_the_same_for_the_same_data(checkout: Path) -> None:
    for role in ("toolchain", "qemu"):
        here, there = (images.load_recipe(root, role, "amd64") for root in (ROOT, checkout))
        assert here.digest == there.digest
        assert here.tag == f"parity-{role}:{here.digest[:24]}"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("toolchains/debian-trixie.yaml", "- qemu-system-arm", "- qemu-system-misc"),
        ("toolchains/debian-trixie.yaml", "suite: trixie ", "suite: forky "),
        ("toolchains/debian-trixie.yaml", "http://deb.debian.org/debian ", "http://mirror.example/debian "),
        ("docker/qemu/Dockerfile", "USER 65534", "USER 1000"),
        ("docker/dpkg.cfg", "force-unsafe-io\n", ""),
    ],
)
def test_the_recipe_changes_with_what_it_is_made_of(checkout: Path, file: str, old: str, new: str) -> None:
    before = images.load_recipe(checkout, "qemu", "amd64")
    text = (checkout / file).read_text()
    assert old in text
    (checkout / file).write_text(text.replace(old, new))
    assert images.load_recipe(checkout, "qemu", "amd64").digest != before.digest


def test_a_role_is_not_touched_by_anothers_packages(checkout: Path) -> None:
    before = images.load_recipe(checkout, "toolchain", "amd64")
    data = checkout / "toolchains/debian-trixie.yaml"
    data.write_text(data.read_text().replace("- qemu-system-arm", "- qemu-system-misc"))
    assert images.load_recipe(checkout, "toolchain", "amd64").digest == before.digest


def test_architectures_have_images_of_their_own_and_recipes_name_none() -> None:
    x86, arm = (images.load_recipe(ROOT, "qemu", name) for name in ("amd64", "arm64"))
    assert x86.digest != arm.digest
    assert x86.files == arm.files
    for content in x86.files.values():
        assert b"amd64" not in content
        assert b"arm64" not in content


def test_certificates_and_proxies_are_no_part_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = images.load_recipe(ROOT, "toolchain", "amd64").digest
    monkeypatch.setenv("SSL_CERT_FILE", str(ROOT / "README.md"))
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    assert images.load_recipe(ROOT, "toolchain", "amd64").digest == before
    mounts, env = images.ca_mounts()
    assert [mount.source for mount in mounts] == [ROOT / "README.md"]
    assert env["CARGO_HTTP_CAINFO"] == mounts[0].target
    assert env["http_proxy"] == "http://proxy.example:3128"


def test_an_unknown_role_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match="no role 'qemo'") as caught:
        images.load_recipe(ROOT, "qemo", "amd64")
    assert "qemu" in str(caught.value)


def test_the_context_holds_the_recipes_files() -> None:
    recipe = images.load_recipe(ROOT, "qemu", "amd64")
    with tarfile.open(fileobj=io.BytesIO(images.context(recipe.files))) as tar:
        assert set(tar.getnames()) == set(recipe.files)
        packages = tar.extractfile("etc/parity/packages")
        assert packages is not None
        assert "qemu-system-arm" in packages.read().decode().splitlines()


def test_keys_follow_versions_and_recipe_not_the_images_id() -> None:
    def image(id_: str, recipe: str, version: str) -> images.Image:
        return images.Image(id_, "toolchain", recipe, {"rustc-web": version, "lld": "1:19.0"})

    first = image("sha256:1", "r", "1.96.0")
    assert first.packages_digest == image("sha256:2", "r", "1.96.0").packages_digest
    assert first.packages_digest != image("sha256:1", "r", "1.97.0").packages_digest
    assert first.packages_digest != image("sha256:1", "s", "1.96.0").packages_digest


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("tar: ./usr: Cannot write: No space left on device", "the disk is full"),
        ("write /usr/bin/x: no space left on device", "the disk is full"),
        ("E: You don't have enough free space in /var/cache/apt/archives/.", "the disk is full"),
        ("Temporary failure resolving 'deb.debian.org'", "no name resolution"),
        ("E: Failed to fetch http://deb.debian.org/x.deb  404", "does not deliver"),
        ("E: Unable to locate package rustc-web", "lacks a package"),
    ],
)
def test_a_failure_is_called_by_its_cause(line: str, cause: str) -> None:
    error = rootfs.making_failed("an image", ["Get:1 …", line, "exit 100"])
    assert isinstance(error, MachineError)
    assert cause in error.message
    assert line in (error.hint or "")
