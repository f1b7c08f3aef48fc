"""Commands on the host: the one place that starts processes outside containers, and host packages."""

from __future__ import annotations

import contextlib
import math
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from parity.core.cancellation import CANCELLATION
from parity.core.errors import MachineError

# Everything in a PID namespace dies with its first process, and the kernel kills that when unshare dies.
_ISOLATED = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--")
TIMEOUT_S = 3600.0  # for package managers on slow networks
ENDING_S = 10.0  # from being told to end to being killed
CLEANING_S = 25.0  # the same for a command that has guests or tests to end


def run(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    isolated: bool = False,
    timeout_s: float | None = TIMEOUT_S,
) -> int:
    """Run a command to its end, handing on every line of its output; returns its exit status.

    It dies with us, however we die, and is ended when ``on_line`` raises or the user interrupts. ``isolated``
    (root only) extends that to everything it starts, by namespaces for its processes and mounts. What it
    makes can be read by all, whatever the caller's umask. ``timeout_s`` is None for a command whose own waits
    have deadlines; it is ended as by Ctrl-C. Raises MachineError when the time is over.
    """
    # unshare blocks SIGTERM; package managers on the other hand want to be asked.
    with_us = signal.SIGKILL if isolated else signal.SIGTERM
    ending, patience_s = (signal.SIGINT, CLEANING_S) if timeout_s is None else (with_us, ENDING_S)
    process = _start(
        ["setpriv", "--pdeathsig", with_us.name[3:], "--", *(_ISOLATED if isolated else ()), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        umask=0o022,
        text=True,
        errors="replace",
    )
    lines: SimpleQueue[str | None] = SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True, name=argv[0])
    reader.start()
    deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
    try:
        with CANCELLATION.on_request(lambda: lines.put(None)):
            while (line := lines.get(timeout=_left(deadline))) is not None:
                on_line(line)
            CANCELLATION.check()
            return process.wait(_left(deadline))
    except (queue.Empty, subprocess.TimeoutExpired):
        raise MachineError(f"{argv[0]} did not end within {timeout_s:g} s: {' '.join(argv)}") from None
    finally:
        process.send_signal(ending)
        reader.join(patience_s)  # until its last child is gone: only then may its files be removed
        _reap(process)


def _left(deadline: float) -> float | None:
    return None if deadline == math.inf else max(0.0, deadline - time.monotonic())


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stdout is not None, "a pipe was asked for"
    with process.stdout:
        for line in process.stdout:
            lines.put(line.rstrip())
    lines.put(None)


def _start(argv: Sequence[str], **how: Any) -> subprocess.Popen[str]:
    """Starts a command. Raises MachineError when this machine lacks it."""
    try:
        return subprocess.Popen(argv, **how)
    except FileNotFoundError as error:
        raise MachineError(f"cannot run {argv[0]}: {error.filename} is not there") from None


def _reap(process: subprocess.Popen[str]) -> None:
    """Waits for a command that was told to end; one that goes on is killed."""
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def foreground(argv: Sequence[str], *, cwd: Path | None = None, interactive: bool = False) -> int:
    """Run a command at our own terminal, input and output, to its end; returns its exit status.

    It dies with us, however we die. When we are to end, it has heard of that from the terminal, too: it is
    told only when it goes on for CLEANING_S. ``interactive``: Ctrl-C is its own business meanwhile.
    """
    process = _start(["setpriv", "--pdeathsig", "KILL", "--", *argv], cwd=cwd)
    shield = CANCELLATION.shield() if interactive else contextlib.nullcontext()
    try:
        with shield, CANCELLATION.on_request(lambda: _later(process.terminate)):
            status = process.wait()  # the user's own time
        CANCELLATION.check()
        return status
    finally:
        process.terminate()
        _reap(process)


def _later(call: Callable[[], None]) -> None:
    timer = threading.Timer(CLEANING_S, call)
    timer.daemon = True
    timer.start()


def require_packages(
    probes: Mapping[str, str], why: str, note: Callable[[str], None], say: Callable[[str], None]
) -> None:
    """See to it that host packages are there, installing and naming what is missing where we may.

    ``probes`` maps a Debian package to a command, or to an absolute path, by which it is recognised. Raises
    MachineError with the exact command when this is not Debian or Ubuntu, or not root.
    """
    missing = [package for package, probe in probes.items() if not present(probe)]
    if not missing:
        return
    names = " ".join(missing)
    install = f"apt-get install --yes --no-install-recommends {names}"
    if shutil.which("apt-get") is None:
        raise MachineError(f"{why} needs {names}, which this system's package manager has to provide")
    if os.geteuid() != 0:
        raise MachineError(
            f"{why} needs host packages: {names}", f"Run: sudo apt-get update && sudo {install}"
        )
    note(f"installing host packages for {why}: {names}")
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        say(line)

    # A fresh machine has no package lists, an old one stale lists; a good one needs no update.
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*install.split(), "--option", "DPkg::Lock::Timeout=300"]
    if run(command, on_line, env=quiet) != 0:
        run(["apt-get", "update"], on_line, env=quiet)
        if run(command, on_line, env=quiet) != 0:
            raise MachineError(f"cannot install host packages: {names}", "\n  ".join(lines[-8:]))


def present(probe: str) -> bool:
    """Whether a command, or a file given by its absolute path, is there."""
    return Path(probe).exists() if probe.startswith("/") else shutil.which(probe) is not None
