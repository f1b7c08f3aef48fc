"""Runs commands on the host, and installs host packages. Only this file starts processes on the host."""

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

# All processes of a PID namespace die with its first process, which the kernel kills when unshare dies.
_ISOLATED = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--")
TIMEOUT_S = 3600.0  # enough for package managers on slow networks
ENDING_S = 10.0  # from the request to end to SIGKILL
CLEANING_S = 25.0  # the same, for a command that must end guests or tests


def run(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    isolated: bool = False,
    timeout_s: float | None = TIMEOUT_S,
) -> int:
    """Runs a command to its end and passes every line of its output to ``on_line``; returns its exit status.

    The command ends when this process dies, when ``on_line`` raises, or when the user interrupts.
    ``isolated`` (root only) extends this to all its child processes, by namespaces for processes and mounts.
    All users can read the files that it creates, with any umask of the caller. ``timeout_s`` is None for a
    command whose own waits have deadlines; such a command is ended by SIGINT. Raises MachineError after
    ``timeout_s`` seconds.
    """
    # unshare blocks SIGTERM. Package managers need SIGTERM to clean up.
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
        reader.join(patience_s)  # its files may be removed only after its last child has ended
        _reap(process)


def _left(deadline: float) -> float | None:
    return None if deadline == math.inf else max(0.0, deadline - time.monotonic())


def _read(process: subprocess.Popen[str], lines: SimpleQueue[str | None]) -> None:
    assert process.stdout is not None, "Popen has a pipe"
    with process.stdout:
        for line in process.stdout:
            lines.put(line.rstrip())
    lines.put(None)


def _start(argv: Sequence[str], **how: Any) -> subprocess.Popen[str]:
    """Starts a command. Raises MachineError if it is not installed."""
    try:
        return subprocess.Popen(argv, **how)
    except FileNotFoundError as error:
        raise MachineError(f"cannot run {argv[0]}: {error.filename} does not exist") from None


def _reap(process: subprocess.Popen[str]) -> None:
    """Waits for a command that was asked to end; kills it after ENDING_S."""
    try:
        process.wait(ENDING_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def foreground(argv: Sequence[str], *, cwd: Path | None = None, interactive: bool = False) -> int:
    """Runs a command on this terminal (input and output) to its end; returns its exit status.

    The command ends when this process dies. The terminal also sends Ctrl-C to the command, so a cancellation
    ends it only after CLEANING_S. ``interactive``: only the command reacts to Ctrl-C.
    """
    process = _start(["setpriv", "--pdeathsig", "KILL", "--", *argv], cwd=cwd)
    shield = CANCELLATION.shield() if interactive else contextlib.nullcontext()
    try:
        with shield, CANCELLATION.on_request(lambda: _later(process.terminate)):
            status = process.wait()  # no timeout: the user works in it
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
    """Ensures that host packages are installed. Installs missing ones if this process is root.

    ``probes`` maps a Debian package to the command, or the absolute path, that shows that it is installed.
    ``why`` names the work in messages. Raises MachineError with the command to run if this process is not
    root, or if the system is not Debian or Ubuntu.
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

    # A new machine has no package lists, and an old one may have stale lists; otherwise no update is needed.
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*install.split(), "--option", "DPkg::Lock::Timeout=300"]
    if run(command, on_line, env=quiet) != 0:
        run(["apt-get", "update"], on_line, env=quiet)
        if run(command, on_line, env=quiet) != 0:
            raise MachineError(f"cannot install host packages: {names}", "\n  ".join(lines[-8:]))


def present(probe: str) -> bool:
    """Whether a command, or a file with this absolute path, exists."""
    return Path(probe).exists() if probe.startswith("/") else shutil.which(probe) is not None
