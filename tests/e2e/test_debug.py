"""`doit debug`: GDB on guests that are stopped at their start, two at once, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from checkout import DOIT, Checkout
from waiting import Mine, until

from parity.core import host
from parity.debug.debugger import GDB
from parity.docker.engine import Engine

pytestmark = pytest.mark.docker
ARCHS = ("aarch64", "x86_64")
MADE = (("disk", ""), ("build_kernel", "-testing"))
# An interrupt may come before the thread that waits for it sleeps; hardly five in a row do.
LOOKS = 5 * "continue\nparity threads\nparity locks\n"
COMMANDS = f"""
set width 0
parity events
parity console
parity threads
break kernel::trap::handle_interrupt
{LOOKS}delete
break kernel::syscall::dispatch
continue
backtrace 2
delete
tbreak kernel::process::exit::exit
continue
parity events 3
parity counters
parity events many
continue
parity console 2
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("debug")
    made = Checkout.copy(folder / "checkout", folder / "cache")
    tasks = [f"{task}:{arch}{more}" for arch in ARCHS for task, more in MADE]
    made.take_made(*tasks)
    return made


def start(checkout: Checkout, arch: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(DOIT), f"arch={arch}", "debug:true_test"],
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


def test_two_guests_under_gdb_at_once_and_nothing_is_left(checkout: Checkout, docker: Engine) -> None:
    both = {arch: start(checkout, arch) for arch in ARCHS}
    for process in both.values():  # before either ends
        assert process.stdin is not None
        process.stdin.write(COMMANDS)
        process.stdin.flush()
    for arch, process in both.items():
        output, _ = process.communicate()
        said = output.split("(gdb) ")
        assert process.returncode == 0, output
        assert "stopped before its first instruction" in output
        assert "nothing has been traced yet" in output
        assert "there are no threads yet" in output
        # The first interrupts of a device: the disk's, which the thread that boots has asked and waits for.
        assert re.search(r"pid 0 .*, waits: disk .* at kernel/core/src/drivers/\w+\.rs:\d+", output), output
        assert re.search(
            r"0x[0-9a-f]+: held by thread \d+, taken at kernel/core/src/drivers/\w+\.rs:\d+", output
        )
        frames = [text for text in said if text.startswith("#0")]
        assert len(frames) == 1, output
        assert re.search(
            r"#0 .*kernel::syscall::dispatch .*at kernel/core/src/syscall/mod\.rs:\d+", frames[0]
        )
        assert "#1" in frames[0]
        assert "src/syscall/mod.rs: No such file" not in output  # the line itself is shown
        events = next(text for text in said if "SYSCALL_ENTRY" in text).splitlines()
        assert len(events) == 3
        assert all(re.match(r" +\d+\.\d{6}  cpu0  [A-Z_]+ ", line) for line in events)
        assert re.search(r"SYSCALL_TOTAL: [1-9]\d* \(cpu0=", output)
        assert "a number of events expected, not 'many'" in output
        # The machine has ended, and is still there to be looked at.
        assert "power" in said[-2] or "ended" in said[-2], f"{arch}: {output}"
    assert until(lambda: Mine.of(docker, checkout.cache, "").containers() == [])


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
    assert "say arch=aarch64 or arch=x86_64" in output
