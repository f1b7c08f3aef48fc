"""The house's rules that a machine can check: who knows whom, how large a file may be."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LIBRARY = sorted((ROOT / "parity").rglob("*.py"))
INSIDE_A_LANE = ROOT / "parity" / "supervisor.py"  # stands alone, and is never imported by us


def name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(file: Path) -> set[str]:
    """The modules a file imports, as far as they are named in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_librarys_imports_make_no_circle() -> None:
    modules = {name(file) for file in LIBRARY}
    graph = {name(file): (imported(file) & modules) - {"parity", "parity.report"} for file in LIBRARY}
    assert "parity.judge.verdict" in graph["parity.guest.guest"]
    TopologicalSorter(graph).prepare()  # raises CycleError


def test_only_tasks_know_doit() -> None:
    assert {
        name(file) for file in LIBRARY if any(module.startswith("doit") for module in imported(file))
    } == set()


def test_one_place_reads_yaml_and_one_talks_to_docker() -> None:
    assert {name(file) for file in LIBRARY if "yaml" in imported(file)} == {"parity.core.yamlfile"}
    docker = {name(file) for file in LIBRARY if "docker" in imported(file)}
    assert docker <= {f"parity.docker.{name}" for name in ("engine", "attached", "creation", "daemon")}


@pytest.mark.parametrize("module", [name(file) for file in LIBRARY if file != INSIDE_A_LANE])
def test_importing_a_module_does_nothing(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(module)
    assert capsys.readouterr().out == ""


def tracked(*patterns: str) -> list[Path]:
    """The files of the checkout that git knows, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "-z", *patterns],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [path for line in listed.stdout.split("\0") if line and (path := ROOT / line).is_file()]


def test_architecture_shows_in_one_crate_and_one_folder_only() -> None:
    allowed = (ROOT / "kernel" / "arch", ROOT / "userspace" / "ulib" / "src" / "arch")
    rust = tracked("kernel/*.rs", "userspace/*.rs")
    assert len(rust) > 50
    outside = [path for path in rust if not any(path.is_relative_to(place) for place in allowed)]
    assert [path for path in outside if "target_arch" in path.read_text(encoding="utf-8")] == []


def test_architectures_have_the_same_files() -> None:
    folder = ROOT / "kernel" / "arch" / "src"
    names = [{path.name for path in (folder / arch).iterdir()} for arch in ("aarch64", "x86_64")]
    assert len(names[0]) > 10
    assert names[0] == names[1]
    programs = ROOT / "userspace" / "ulib" / "src" / "arch"
    ours = {path.name for path in programs.iterdir()}
    assert ours == {"mod.rs", "aarch64.rs", "aarch64.ld", "x86_64.rs", "x86_64.ld"}


def test_every_architecture_has_the_same_files() -> None:
    archs = ("aarch64", "x86_64")
    for place in ("kernel/arch/src/", "userspace/ulib/src/arch/"):
        names = [str(path.relative_to(ROOT / place)) for path in tracked(f"{place}*")]
        one, other = (
            {name.replace(arch, "ARCH") for name in names if name.startswith(arch)} for arch in archs
        )
        assert one == other != set()


def test_no_file_of_ours_is_longer_than_400_lines() -> None:
    ours = tracked("*.py", "*.rs", "*.S")
    assert [path for path in ours if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_every_test_has_a_deadline_after_which_all_stacks_are_said(tmp_path: Path) -> None:
    (tmp_path / "test_still.py").write_text(
        "import threading\n"
        "def stuck(): threading.Event().wait(100)\n"
        "def test_still():\n"
        "    threading.Thread(target=stuck, daemon=True).start()\n"
        "    threading.Event().wait(100)\n"
        "def test_next(): pass\n"
    )
    argv = [sys.executable, "-m", "pytest", f"--config-file={ROOT / 'pyproject.toml'}"]
    argv += ["--override-ini=timeout=1", "--rootdir", str(tmp_path), "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 failed, 1 passed" in done.stdout
    assert "in stuck" in done.stdout + done.stderr


def test_the_deadline_is_a_setting(request: pytest.FixtureRequest) -> None:
    assert float(request.config.getini("timeout")) == 300
