"""`doit debug`: GDB on guests that are stopped at their start, two at once, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from checkout import DOIT, ROOT, Checkout
from waiting import Mine, until

from parity.core import host
from parity.debug.debugger import GDB
from parity.docker.engine import Engine

pytestmark = pytest.mark.docker
ARCHS = ("aarch64", "x86_64")
MADE = (("disk", ""), ("build_kernel", "-testing"))
SCHEDULER = ROOT / "kernel" / "core" / "src" / "thread" / "scheduler.rs"
# A child of this test reads an empty pipe; its parent writes only after it left the processor 50 times.
PROGRAM = "wnohang_timing_test"


def line_of(file: Path, text: str) -> int:
    """The number of the one line that has the text."""
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    (number,) = (number for number, line in lines if text in line)
    return number


def commands() -> list[str]:
    """What GDB is asked, each at a place that every guest reaches, however fast the host is.

    Whether a thread waits for the disk is up to the host, but it reads with the cache's lock held. The child
    waits for the pipe when the scheduler takes the processor from it.
    """
    return f"""
set width 0
parity events
parity console
parity threads
break kernel::drivers::virtio_block::Device::read
continue
parity locks
delete
tbreak kernel::syscall::dispatch
continue
backtrace 2
tbreak {SCHEDULER.name}:{line_of(SCHEDULER, "fn sleep(&self)")}
continue
parity threads
tbreak kernel::process::exit::exit
continue
parity events 3
parity events
parity counters
parity events many
continue
parity console 2
""".strip().splitlines()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("debug")
    made = Checkout.copy(folder / "checkout", folder / "cache")
    tasks = [f"{task}:{arch}{more}" for arch in ARCHS for task, more in MADE]
    made.take_made(*tasks)
    return made


def start(checkout: Checkout, arch: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(DOIT), f"arch={arch}", f"debug:{PROGRAM}"],
        cwd=checkout.folder,
        env=checkout.environment(HOME=str(checkout.cache)),  # without what a user has told his GDB
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def descendants(pid: int) -> set[int]:
    """The processes below one."""
    found = set[int]()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found |= {child} | descendants(child)
    return found


def named(pids: set[int], name: str) -> set[int]:
    return {pid for pid in pids if alive(pid) and Path(f"/proc/{pid}/cmdline").read_text().startswith(name)}


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists() and bool(Path(f"/proc/{pid}/cmdline").read_text())


def answers(output: str, asked: list[str]) -> dict[str, list[str]]:
    """What GDB said to each command, in order where one was given more than once."""
    said: dict[str, list[str]] = {}
    for command, text in zip(asked, output.split("(gdb) ")[1:], strict=False):
        said.setdefault(command, []).append(text)
    return said


def test_two_guests_under_gdb_at_once_and_nothing_is_left(checkout: Checkout, docker: Engine) -> None:
    asked = commands()
    both = {arch: start(checkout, arch) for arch in ARCHS}
    for process in both.values():  # before either ends
        assert process.stdin is not None
        process.stdin.write("".join(f"{command}\n" for command in asked))
        process.stdin.flush()
    for process in both.values():
        output, _ = process.communicate()
        assert process.returncode == 0, output
        assert "stopped before its first instruction" in output
        assert_kernel_is_read(answers(output, asked), output)
    assert until(lambda: Mine.of(docker, checkout.cache, "").containers() == [])


def assert_kernel_is_read(said: dict[str, list[str]], output: str) -> None:
    """Each answer is about the place where the guest was stopped."""
    first, waiting = said["parity threads"]
    assert "there are no threads yet" in first, output
    assert re.search(r"pid 2 .*, waits: pipe .* at kernel/core/src/fs/pipe\.rs:\d+", waiting), output
    assert re.search(
        r": held by thread \d+, taken at kernel/core/src/drivers/block_cache\.rs:\d+", said["parity locks"][0]
    ), output
    (frames,) = said["backtrace 2"]
    assert re.search(r"#0 .*kernel::syscall::dispatch .*at kernel/core/src/syscall/mod\.rs:\d+", frames), (
        output
    )
    assert "#1" in frames, output
    assert "src/syscall/mod.rs: No such file" not in output  # the line itself is shown
    nothing, events = said["parity events"]
    assert "nothing has been traced yet" in nothing, output
    assert "SYSCALL_ENTRY" in events, output
    last = said["parity events 3"][0].splitlines()
    assert len(last) == 3, output
    assert all(re.match(r" +\d+\.\d{6}  cpu0  [A-Z_]+ ", line) for line in last), output
    assert re.search(r"SYSCALL_TOTAL: [1-9]\d* \(cpu0=", said["parity counters"][0]), output
    assert "a number of events expected, not 'many'" in said["parity events many"][0], output
    # The machine has ended, and is still there to be looked at.
    assert re.search("power|ended", said["parity console 2"][0]), output


def test_killed_it_takes_gdb_and_guest_with_it(checkout: Checkout, docker: Engine) -> None:
    process = start(checkout, "x86_64")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Remote debugging"):
            break
    below = descendants(process.pid) | {process.pid}
    debuggers = named(below, GDB)
    mine = Mine.of(docker, checkout.cache, "")
    assert debuggers
    assert mine.lanes() == 1
    for pid in below - debuggers:
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert until(lambda: not any(alive(pid) for pid in debuggers))
    assert until(lambda: mine.containers() == [])
    host.sweep(checkout.cache)  # as the next command does
    assert list((checkout.cache / "tmp").iterdir()) == []


def test_it_looks_at_one_guest(checkout: Checkout) -> None:
    status, output = checkout.doit("debug:true_test")
    assert status == 3
    assert all(f"arch={arch}" in output for arch in ARCHS), output
