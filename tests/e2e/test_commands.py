"""What people type, as they type it: the command as a process, its words and its exit status."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from xml.etree import ElementTree

import docker
import pytest
from checkout import Checkout
from waiting import until

from parity.core import host

ARCHS = ("aarch64", "x86_64")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of this checkout, without what was built in it, on the session's store."""
    return Checkout.copy(tmp_path / "checkout", host.cache_dir())


def test_list_describes_every_task(here: Checkout) -> None:
    said = here.says("list")
    lines = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    assert {
        *("boot_aarch64", "build_kernel", "check", "disk", "doctor", "guide", "images", "report"),
        *("test_aarch64", "test_x86_64", "boot_parallel", "userspace"),
    } <= set(lines)
    assert all(lines.values()), f"without a description: {[name for name, text in lines.items() if not text]}"


def test_list_all_shows_every_test_and_every_kernel(here: Checkout) -> None:
    names = set(here.says("list", "--all", "-q").split())
    for arch in ARCHS:
        assert {f"test_{arch}:fork_test", f"build_kernel:{arch}-testing", f"disk:{arch}"} <= names
        assert len([name for name in names if name.startswith(f"test_{arch}:")]) == 80


def test_doit_alone_says_what_to_type(here: Checkout) -> None:
    said = here.says()
    assert "doit test_aarch64" in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["test_aarch46"], "there is no task 'test_aarch46'; did you mean 'test_aarch64'?"),
        (["test_aarch64:fork"], "no task 'test_aarch64:fork'; did you mean 'test_aarch64:fork_test'?"),
        (["build_kernel:aarch64-tasting"], "did you mean 'build_kernel:aarch64-testing'?"),
        (["fersh=1", "test_aarch64"], "unknown variable 'fersh'; did you mean 'fresh'?"),
        (["fersh=1", "list"], "unknown variable 'fersh'; did you mean 'fresh'?"),
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
        (["-n", "2", "test_aarch64"], "use lanes=N instead"),
        # Nothing to run is no success, and no plan either.
        (
            ["only=true_test", "tag=pipe", "test_aarch64"],
            "only=true_test and tag=pipe have no test in",
        ),
        (["plan=1", "only=true_test", "tag=pipe", "parity"], "only=true_test and tag=pipe have no test"),
        (["shard=99/100", "test_aarch64"], "shard 99 of 100 is empty: there are "),
        (["shard=99/100", "integration_x86_64"], "shard 99 of 100 is empty: there are "),
        (["shard=1/4x", "test_aarch64"], "shard=1/4x: INDEX/COUNT expected"),
        (
            ["only=fifo_test", "test_aarch64"],
            "nothing to run on aarch64: there is no program for fifo_test (",
        ),
        (["test_x86_64:fifo_test"], "nothing to run on x86_64: there is no program for fifo_test ("),
        (["plan=1", "tag=network", "test_aarch64"], "nothing to run on aarch64"),
        (["last_failed=1", "kthread_mutants", "test_aarch64:fifo_test"], "nothing to run on aarch64"),
    ],
)
def test_a_users_mistake_is_one_message_and_3(here: Checkout, words: list[str], complaint: str) -> None:
    status, said = here.doit(*words)
    assert status == 3, said
    assert complaint in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


def test_a_mistake_in_yaml_names_file_and_line_and_writes_nothing(checkout: Checkout) -> None:
    file = checkout.folder / "suites" / "user_programs.yaml"
    file.write_text(file.read_text().replace("expected: pass", "expects: pass", 1))
    status, said = checkout.doit("test_aarch64")
    assert status == 3, said
    assert "user_programs.yaml:" in said and "did you mean 'expected'?" in said
    assert not (checkout.folder / "build" / "report").exists()


def test_a_name_that_only_the_baseline_knows_is_3_with_its_line(checkout: Checkout) -> None:
    for suite, name in (("user_programs", "dup_test"), ("integration", "timer_clock")):
        file = checkout.folder / "suites" / f"{suite}.yaml"
        text = file.read_text()
        file.write_text("".join(line for line in text.splitlines(True) if not line.startswith(f"  {name}:")))
        baseline = (checkout.folder / "suites" / "baseline.txt").read_text().splitlines()
        line = baseline.index(f"aarch64 {name} pass") + 1
        status, said = checkout.doit("test_aarch64")
        assert status == 3, said
        assert f"baseline.txt:{line}: no test {name!r}" in said
        file.write_text(text)


def test_no_failure_to_repeat_is_3(checkout: Checkout) -> None:
    status, said = checkout.doit("last_failed=1", "test_aarch64", "test_x86_64")
    assert (status, said.count("\n")) == (3, 1), said
    assert "last_failed=1: no test failed the last time on aarch64" in said
    status, said = checkout.doit("last_failed=1", "planted_faults")
    assert status == 3, said


def test_a_plan_says_that_it_is_one(here: Checkout) -> None:
    said = here.says("plan=1", "test_aarch64")
    assert re.search("[0-9]+ of 80 can run on aarch64; this is a plan: nothing has run", said)


def test_report_before_anything_ran_says_what_to_run(checkout: Checkout) -> None:
    status, said = checkout.doit("report")
    assert status == 3, said
    assert "run: doit test_aarch64" in said


def test_without_docker_there_is_one_message_and_2(here: Checkout, tmp_path: Path) -> None:
    status, said = here.doit("boot_aarch64", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert status == 2, said
    assert "Docker" in said
    assert "Traceback" not in said


@pytest.mark.docker
def test_one_test_passes_updates_its_row_and_is_not_run_again(here: Checkout) -> None:
    here.says("fresh=1", "test_aarch64:fork_test")
    assert len(here.rows()) == 80
    row = here.row("fork_test")
    assert (row["verdict"], row["expected"]) == ("pass", "pass")
    assert 0 < row["guest_s"] < row["wall_s"]
    assert (here.folder / row["log"]).is_file()
    here.says("test_aarch64:fork_test")
    assert here.row("fork_test")["when"] == row["when"]


@pytest.mark.docker
def test_both_suites_are_as_expected_in_one_pool_and_the_reports_say_so(here: Checkout) -> None:
    said = here.says("fresh=1", "test_aarch64", "test_x86_64")
    report = here.folder / "build" / "report"
    guests = 0
    for arch in ARCHS:
        tests = here.rows(arch)
        assert {test["verdict"] for test in tests} == {"pass", "missing"}
        passed = sum(test["verdict"] == "pass" for test in tests)
        assert f"{arch}: {passed} of 80 pass" in said
        assert f"| {arch} | {passed} | 80 |" in (report / "report.md").read_text()
        guests += passed
    assert re.findall(r"^(\d+) guests on", said, re.MULTILINE) == [str(guests)]
    junit = {
        suite.get("name"): suite.get("tests") for suite in ElementTree.parse(report / "junit.xml").getroot()
    }
    assert [junit[f"{arch}-testing"] for arch in ARCHS] == ["80", "80"]


@pytest.mark.docker
def test_no_path_of_this_machine_is_in_the_kernel(here: Checkout) -> None:
    said = here.says("build_kernel:aarch64-testing")
    (path,) = [Path(word) for word in said.split() if "/blobs/" in word]
    elf = path.read_bytes()
    assert elf.startswith(b"\x7fELF")
    for place in (here.folder, Path.home(), Path("/cargo"), Path("/target")):
        assert bytes(place) + b"/" not in elf


@pytest.mark.docker
def test_a_kernel_that_does_not_compile_is_2_with_the_compilers_words_once(checkout: Checkout) -> None:
    main = checkout.folder / "kernel" / "core" / "src" / "main.rs"
    main.write_text(main.read_text() + "\nfn broken() -> u32 { no_such_name }\n")
    status, said = checkout.doit("test_aarch64")
    assert status == 2, said
    assert said.count("cannot find value `no_such_name`") == 1
    assert "Traceback" not in said


@pytest.mark.docker
def test_an_architecture_that_does_not_compile_does_not_keep_the_other_from_running(
    checkout: Checkout,
) -> None:
    power = checkout.folder / "kernel" / "arch" / "src" / "x86_64" / "power.rs"
    power.write_text(power.read_text() + "\nfn broken() -> u32 { no_such_name }\n")
    status, said = checkout.doit("only=dup_test", "test_aarch64", "test_x86_64")
    assert status == 2, said
    assert said.count("cannot find value `no_such_name`") == 1
    assert checkout.row("dup_test")["verdict"] == "pass"
    assert checkout.rows("x86_64") == []


@pytest.mark.docker
def test_a_listed_program_that_is_not_built_is_2_and_names_it(checkout: Checkout) -> None:
    file = checkout.folder / "suites" / "user_programs.yaml"
    text = file.read_text()
    line = next(line for line in text.splitlines() if line.startswith("  tty_test:"))
    file.write_text(text.replace(line, "  tty_test: {area: tty, expected: pass}"))
    status, said = checkout.doit("test_aarch64")
    assert status == 2, said
    assert "tty_test" in said
    assert not (checkout.folder / "build" / "report").exists()


@pytest.mark.docker
def test_exec_needs_no_special_feature(checkout: Checkout) -> None:
    tree = checkout.folder / "trees" / "reference.yaml"
    text = tree.read_text()
    assert "  features: testing\n" in text
    tree.write_text(text.replace("  features: testing\n", "  features: plain\n"))
    checkout.says("only=exec*", "test_aarch64")
    tests = checkout.rows()
    passed = {test["name"] for test in tests if test["verdict"] == "pass"}
    assert passed == {"exec_argv_test", "exec_stack_argv_test", "exec_from_ext2_test"}
    assert {test["features"] for test in tests} == {"plain"}


@pytest.mark.docker
def test_a_kernel_that_runs_its_own_tests_passes_no_program(checkout: Checkout) -> None:
    checkout.replace("trees/reference.yaml", "  features: testing\n", "  features: boot_tests\n")
    status, said = checkout.doit("test_aarch64:dup_test", "test_x86_64:dup_test")
    assert status == 1, said
    for arch in ARCHS:
        row = checkout.row("dup_test", arch)
        assert row["verdict"] == "fail"
        assert row["cause"] == "the kernel had to start /bin/dup_test, but ran its own tests"


@pytest.mark.docker
def test_a_verdict_other_than_the_baselines_is_1_and_named(checkout: Checkout) -> None:
    (checkout.folder / "suites" / "baseline.txt").write_text("aarch64 dup_test fail\n")
    status, said = checkout.doit("test_aarch64:dup_test")
    assert status == 1, said
    assert "fixes: dup_test on aarch64 (pass)" in said


@pytest.mark.docker
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
@pytest.mark.parametrize(
    "words", [("fresh=1", "test_aarch64", "test_x86_64"), ("lanes=2", "kthread_parallel:40")]
)
def test_nothing_is_left_after_an_interruption(
    here: Checkout, number: signal.Signals, status: int, words: tuple[str, ...]
) -> None:
    with here.start(*words) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("1/"):  # a guest has ended, others run
                break
        process.send_signal(number)
        rest = process.stdout.read()
        assert process.wait() == status
    assert "Traceback" not in rest
    assert until(lambda: lanes_of(process.pid) == []), f"left behind: {lanes_of(process.pid)}"


def lanes_of(pid: int) -> list[str]:
    """The containers that a process has made and that are still there."""
    client = docker.from_env()
    try:
        found = client.containers.list(all=True, filters={"label": "parity.client"}, ignore_removed=True)
        return [str(each.id) for each in found if each.labels["parity.client"].startswith(f"{pid}:")]
    finally:
        client.close()
