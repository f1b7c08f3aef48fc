"""What people type, as they type it: the command as a process, its words and its exit status."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import docker
import pytest

ROOT = Path(__file__).parent.parent.parent
DOIT = Path(sys.executable).parent / "doit"
ARCHS = ("aarch64", "x86_64")
SKIPPED = (".venv", "build", ".git", "*.egg-info", ".*_cache", "__pycache__")


def doit(*words: str, cwd: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    """Runs doit to its end, without a terminal."""
    return subprocess.run(
        [str(DOIT), *words], cwd=cwd, env={**os.environ, **extra}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, without what was built in it."""
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*SKIPPED))
    return copy


def seed(checkout: Path) -> None:
    """Gives a checkout the compiler's cache of this one, which saves minutes."""
    cargo = Path("build", "cargo", "kernel")
    if (ROOT / cargo).is_dir():  # absent where the store knew every kernel, and nothing was compiled here
        shutil.copytree(ROOT / cargo, checkout / cargo, symlinks=True)


def results(arch: str, checkout: Path = ROOT) -> list[dict[str, Any]]:
    """The rows of an architecture in the last results."""
    tests = json.loads((checkout / "build" / "report" / "results.json").read_text())["tests"]
    return [test for test in tests if test["arch"] == arch]


def test_list_describes_every_task() -> None:
    done = doit("list")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.strip()}
    assert {
        *("boot_aarch64", "build_kernel", "check", "disk", "doctor", "guide", "images", "report"),
        *("test_aarch64", "test_x86_64", "boot_parallel", "userspace"),
    } <= set(lines)
    assert all(lines.values()), f"without a description: {[name for name, text in lines.items() if not text]}"


def test_list_all_shows_every_test_and_every_kernel() -> None:
    done = doit("list", "--all", "-q")
    names = set(done.stdout.split())
    for arch in ARCHS:
        assert {f"test_{arch}:fork_test", f"build_kernel:{arch}-testing", f"disk:{arch}"} <= names
        assert len([name for name in names if name.startswith(f"test_{arch}:")]) == 80


def test_doit_alone_says_what_to_type() -> None:
    done = doit()
    assert done.returncode == 0
    assert "doit test_aarch64" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["test_aarch46"], "there is no task 'test_aarch46'; did you mean 'test_aarch64'?"),
        (["test_aarch64:fork"], "no task 'test_aarch64:fork'; did you mean 'test_aarch64:fork_test'?"),
        (["build_kernel:aarch64-tasting"], "did you mean 'build_kernel:aarch64-testing'?"),
        (["fersh=1", "test_aarch64"], "variable 'fersh' is read by nobody; did you mean 'fresh'?"),
        (["fersh=1", "list"], "variable 'fersh' is read by nobody; did you mean 'fresh'?"),
        (["kthread_parallel:0"], "kthread_parallel:0: a whole number of at least 1 expected"),
        (["kthread_parallel:-1"], "kthread_parallel:-1: a whole number of at least 1 expected"),
        (["kthread_parallel:abc"], "kthread_parallel:abc: a whole number of at least 1 expected"),
        (["kthread_replay:no-such-run"], "no run 'no-such-run' is known in this checkout"),
        (["seed=-5", "kthread_parallel"], "seed=-5: a whole number from 0 to 18446744073709551615 expected"),
        (["lanes=-1", "test_aarch64"], "lanes=-1: a whole number expected"),
        (["test_aarch46*"], "there is no task 'test_aarch46*'; did you mean 'test_aarch64'?"),
        (["boot_parallel_aarch64:5"], "KD-1, 2026-02-01: no parallel boots on aarch64: "),
        (["boot_parallel_aarch64"], "KD-1, 2026-02-01: "),
        (["arch=aarch64", "boot_parallel:5"], "KD-1, 2026-02-01: "),
        (["boot_parallel:0"], "boot_parallel:0: a whole number of at least 1 expected"),
        (["arch=arm", "test_aarch64"], "arch=arm: aarch64, x86_64 or all expected"),
        (["arch=x86_64", "test_aarch64"], "there is no task 'test_aarch64' with arch=x86_64"),
        (["only=frok*", "test_aarch64"], "only=frok*: no test has such a name"),
        (["only=dup_test", "integration_aarch64"], "only=dup_test: no test has such a name"),
        (["integration_x86_64:timer_clokc"], "did you mean 'integration_x86_64:timer_clock'?"),
        (["boot_strict_aarch64:0"], "a whole number of at least 1 expected"),
        (["-n", "2", "test_aarch64"], "say lanes=N instead"),
    ],
)
def test_a_users_mistake_is_one_message_and_3(words: list[str], complaint: str) -> None:
    done = doit(*words)
    assert done.returncode == 3
    assert complaint in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_mistake_in_yaml_names_file_and_line_and_writes_nothing(checkout: Path) -> None:
    file = checkout / "suites" / "user_programs.yaml"
    file.write_text(file.read_text().replace("expected: pass", "expects: pass", 1))
    done = doit("test_aarch64", cwd=checkout)
    assert done.returncode == 3
    assert "user_programs.yaml:" in done.stderr and "did you mean 'expected'?" in done.stderr
    assert not (checkout / "build" / "report").exists()


def test_report_before_anything_ran_says_what_to_run(checkout: Path) -> None:
    done = doit("report", cwd=checkout)
    assert done.returncode == 3
    assert "run: doit test_aarch64" in done.stdout + done.stderr


def test_without_docker_there_is_one_message_and_2(tmp_path: Path) -> None:
    done = doit("boot_aarch64", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 2
    assert "Docker" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.docker
def test_one_test_passes_updates_its_row_and_is_not_run_again() -> None:
    first = doit("fresh=1", "test_aarch64:fork_test")
    assert first.returncode == 0, first.stdout + first.stderr
    tests = results("aarch64")
    assert len(tests) == 80
    (row,) = [test for test in tests if test["name"] == "fork_test"]
    assert (row["verdict"], row["expected"]) == ("pass", "pass")
    assert 0 < row["guest_s"] < row["wall_s"]
    assert (ROOT / row["log"]).is_file()
    second = doit("test_aarch64:fork_test")
    assert second.returncode == 0
    tests = results("aarch64")
    assert [test["when"] for test in tests if test["name"] == "fork_test"] == [row["when"]]


@pytest.mark.docker
def test_both_suites_are_as_expected_in_one_pool_and_the_reports_say_so() -> None:
    done = doit("fresh=1", "test_aarch64", "test_x86_64")
    assert done.returncode == 0, done.stdout + done.stderr
    report = ROOT / "build" / "report"
    guests = 0
    for arch in ARCHS:
        tests = results(arch)
        assert {test["verdict"] for test in tests} == {"pass", "missing"}
        passed = sum(test["verdict"] == "pass" for test in tests)
        assert f"{arch}: {passed} of 80 pass" in done.stdout
        assert f"| {arch} | {passed} | 80 |" in (report / "report.md").read_text()
        guests += passed
    assert re.findall(r"^(\d+) guests on", done.stdout, re.MULTILINE) == [str(guests)]
    junit = {
        suite.get("name"): suite.get("tests") for suite in ElementTree.parse(report / "junit.xml").getroot()
    }
    assert [junit[f"{arch}-testing"] for arch in ARCHS] == ["80", "80"]


@pytest.mark.docker
def test_strict_boots_are_counted() -> None:
    done = doit("boot_strict_aarch64:6", "boot_strict_x86_64:4")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "aarch64: 6 of 6 boots reached user space" in done.stdout
    assert "x86_64: 4 of 4 boots reached user space" in done.stdout


@pytest.mark.docker
def test_parallel_boots_have_a_row_each_and_a_rate() -> None:
    done = doit("boot_parallel:6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^init +x86_64 +pass ", done.stdout, re.MULTILINE)) == 6
    assert "x86_64: 6 of 6 boots reached user space (100.0 %)" in done.stdout
    assert re.search(r"^\d+\.\d\d boots a second over \d+ lanes$", done.stdout, re.MULTILINE)
    assert "aarch64" not in done.stdout


@pytest.mark.docker
def test_every_canary_earns_its_verdict() -> None:
    done = doit("canaries")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.docker
def test_planted_faults_turn_a_test_red_and_the_control_stays_green() -> None:
    done = doit("only=dup_test", "planted_faults")  # a sample; without only= it is every test
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("dup_aliases_zero ")]
    assert lines == [["dup_aliases_zero", "1", "dup_test"]] * len(ARCHS)


@pytest.mark.docker
def test_every_feature_set_comes_to_its_end() -> None:
    done = doit("boot_features_aarch64", "boot_features_x86_64")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^\d+ guests on", done.stdout, re.MULTILINE)) == 1


@pytest.mark.docker
def test_no_path_of_this_machine_is_in_the_kernel() -> None:
    done = doit("build_kernel:aarch64-testing")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = [Path(word) for word in done.stdout.split() if "/blobs/" in word]
    elf = path.read_bytes()
    assert elf.startswith(b"\x7fELF")
    for place in (ROOT, Path.home(), Path("/cargo"), Path("/target")):
        assert bytes(place) + b"/" not in elf


@pytest.mark.docker
def test_a_kernel_that_does_not_compile_is_2_with_the_compilers_words_once(checkout: Path) -> None:
    seed(checkout)
    main = checkout / "kernel" / "core" / "src" / "main.rs"
    main.write_text(main.read_text() + "\nfn broken() -> u32 { no_such_name }\n")
    done = doit("test_aarch64", cwd=checkout)
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count("cannot find value `no_such_name`") == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.docker
def test_an_architecture_that_does_not_compile_does_not_keep_the_other_from_running(checkout: Path) -> None:
    seed(checkout)
    power = checkout / "kernel" / "arch" / "src" / "x86_64" / "power.rs"
    power.write_text(power.read_text() + "\nfn broken() -> u32 { no_such_name }\n")
    done = doit("only=dup_test", "test_aarch64", "test_x86_64", cwd=checkout)
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count("cannot find value `no_such_name`") == 1
    # The store may know verdicts of the other tests.
    passed = {test["name"] for test in results("aarch64", checkout) if test["verdict"] == "pass"}
    assert "dup_test" in passed
    assert results("x86_64", checkout) == []


@pytest.mark.docker
def test_a_listed_program_that_is_not_built_is_2_and_names_it(checkout: Path) -> None:
    file = checkout / "suites" / "user_programs.yaml"
    text = file.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  tty_test:"))
    file.write_text(text.replace(line, "  tty_test: {area: tty, expected: pass}"))
    done = doit("test_aarch64", cwd=checkout)
    assert done.returncode == 2
    assert "tty_test" in done.stdout + done.stderr
    assert not (checkout / "build" / "report").exists()


@pytest.mark.docker
def test_exec_needs_no_special_feature(checkout: Path) -> None:
    tree = checkout / "trees" / "reference.yaml"
    text = tree.read_text()
    assert "  features: testing\n" in text
    tree.write_text(text.replace("  features: testing\n", "  features: plain\n"))
    seed(checkout)
    done = doit("only=exec*", "test_aarch64", cwd=checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = json.loads((checkout / "build" / "report" / "results.json").read_text())["tests"]
    passed = {test["name"] for test in tests if test["verdict"] == "pass"}
    assert passed == {"exec_argv_test", "exec_stack_argv_test", "exec_from_ext2_test"}
    assert {test["features"] for test in tests} == {"plain"}


@pytest.mark.docker
def test_a_verdict_other_than_the_baselines_is_1_and_named(checkout: Path) -> None:
    (checkout / "suites" / "baseline.txt").write_text("aarch64 dup_test fail\n")
    seed(checkout)
    done = doit("test_aarch64:dup_test", cwd=checkout)
    assert done.returncode == 1
    assert "fixes: dup_test on aarch64 (pass)" in done.stdout


@pytest.mark.docker
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
@pytest.mark.parametrize("words", [("fresh=1", "test_aarch64", "test_x86_64"), ("kthread_parallel:40",)])
def test_nothing_is_left_after_an_interruption(
    number: signal.Signals, status: int, words: tuple[str, ...]
) -> None:
    command = [str(DOIT), *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("1/"):  # a guest has ended, others run
                break
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait() == status
    assert "Traceback" not in rest
    deadline = time.monotonic() + 10
    while lanes := lanes_of(process.pid):
        assert time.monotonic() < deadline, f"left behind: {lanes}"
        time.sleep(0.1)


def lanes_of(pid: int) -> list[str]:
    """The containers that a process has made and that are still there."""
    client = docker.from_env()
    try:
        found = client.containers.list(all=True, filters={"label": "parity.client"}, ignore_removed=True)
        return [str(each.id) for each in found if each.labels["parity.client"].startswith(f"{pid}:")]
    finally:
        client.close()
