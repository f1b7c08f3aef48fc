"""`./doit`, which makes its own environment, on a checkout that is tiny but for the wrapper."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from waiting import until

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "tiny"
version = "0"
optional-dependencies = { dev = [] }
[tool.setuptools]
py-modules = ["tasks"]
"""
TINY = """
import sys
print("tiny", *sys.argv[1:])
sys.exit(7)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `doit` prints its arguments and ends with 7."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "doit", folder)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "tasks.py").write_text(TINY)
    return folder


def _start(checkout: Path, **env: str) -> subprocess.Popen[str]:
    home, temporary = checkout.parent / "home", checkout.parent / "tmp"
    for folder in (home, temporary):
        folder.mkdir(exist_ok=True)
    settings = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), **env}
    settings.pop("XDG_CACHE_HOME", None)
    # pip asks `rustc --version`, and rustup's rustc makes a folder in a home that has none yet.
    settings["RUSTUP_HOME"] = str(checkout.parent / "rustup")
    return subprocess.Popen(
        ["./doit", "a", "b c"],
        cwd=checkout,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(checkout: Path, **env: str) -> tuple[int, str, str]:
    process = _start(checkout, **env)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def _processes(home: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"\0HOME={home}\0".encode() in b"\0" + (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def _installs(checkout: Path) -> bool:
    """Whether pip is at work for the checkout."""
    return any("pip" in line for line in _processes(checkout.parent / "home"))


def test_the_environment_is_made_once_by_two_at_once_and_again_after_a_change(checkout: Path) -> None:
    both = [_start(checkout), _start(checkout)]
    ends = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [7, 7]
    assert [output for output, _ in ends] == ["tiny a b c\n"] * 2
    assert sum("making .venv" in errors for _, errors in ends) == 1

    assert _run(checkout) == (7, "tiny a b c\n", "")

    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert "making .venv" in _run(checkout)[2]
    assert list((checkout.parent / "tmp").iterdir()) == []
    assert {path.name for path in (checkout.parent / "home").iterdir()} <= {".cache"}


def test_a_killed_run_leaves_no_process_and_no_environment_that_passes_for_whole(checkout: Path) -> None:
    process = _start(checkout)
    assert until(lambda: _installs(checkout), 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert until(lambda: _processes(checkout.parent / "home") == [])
    assert list((checkout.parent / "tmp").iterdir()) == []
    status, _, errors = _run(checkout)
    assert status == 7
    assert "making .venv" in errors


def test_somebody_elses_environment_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "precious").touch()
    status, _, errors = _run(checkout)
    assert status == 2
    assert ".venv is not mine" in errors
    assert (checkout / ".venv" / "precious").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away takes root")
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_an_environment_of_another_user_is_one_line(mode: int) -> None:
    """As after sudo; there it may be readable, and not what pyproject.toml asks for any more."""
    other, mine = 12345, 12346
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(ROOT / "doit", folder)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        packages = folder / ".venv" / "lib"
        packages.mkdir(parents=True)
        (folder / ".venv" / ".parity").touch()
        for number in range(20):
            (packages / f"{number}.py").touch()
        for place in (packages.parent, *packages.parent.rglob("*")):
            os.chown(place, other, other)
        os.chown(folder, mine, mine)
        (folder / ".venv").chmod(mode)
        done = subprocess.run(
            ["setpriv", f"--reuid={mine}", f"--regid={mine}", "--clear-groups", "./doit"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(list(packages.iterdir())) == 20
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert ".venv belongs to another user" in line and "sudo rm -rf" in line


def test_modules_of_other_projects_do_not_count(checkout: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    others.mkdir()
    for name in ("tasks", "json", "doit"):
        (others / f"{name}.py").write_text("raise SystemExit(9)\n")
    assert _run(checkout, PYTHONPATH=str(others), PYTHONSAFEPATH="1")[0] == 7
    activated = subprocess.run(
        [str(checkout / ".venv" / "bin" / "doit"), "x"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(others)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (activated.returncode, activated.stdout) == (7, "tiny x\n")


def test_ctrl_c_while_the_environment_is_made_is_one_line(checkout: Path) -> None:
    process = _start(checkout)
    assert process.stderr is not None
    assert "making .venv" in process.stderr.readline()
    assert until(lambda: _installs(checkout), 60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert until(lambda: _processes(checkout.parent / "home") == [])


def test_a_machine_without_python_is_told_what_to_install(checkout: Path) -> None:
    tools = checkout.parent / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "cat", "cmp", "flock", "setpriv", "true"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    status, _, errors = _run(checkout, PATH=str(tools))
    assert status == 2
    assert "Python 3.11 or newer is needed" in errors
    assert "sudo apt-get install" in errors
