"""Commands on the host: the one place that starts processes outside containers, and host packages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from parity.errors import MachineError

# Everything in a PID namespace dies with its first process, and the kernel kills that when unshare dies.
_ISOLATED = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "--")


def run(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    isolated: bool = False,
) -> int:
    """Run a command to its end, handing on every line of its output; returns its exit status.

    It dies with us, however we die, and is ended when ``on_line`` raises or the user interrupts. ``isolated``
    (root only) extends that to everything it starts, by namespaces for its processes and mounts.
    """
    # unshare blocks SIGTERM; package managers on the other hand want to be asked.
    ending = signal.SIGKILL if isolated else signal.SIGTERM
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", ending.name[3:], "--", *(_ISOLATED if isolated else ()), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None, "a pipe was asked for"
    try:
        for line in process.stdout:
            on_line(line.rstrip())
        return process.wait()
    finally:
        process.send_signal(ending)
        process.stdout.read()  # ends when its last child is gone; only then may its files be removed
        process.wait()
        process.stdout.close()


def foreground(argv: Sequence[str]) -> int:
    """Run a command at our own terminal, input and output, to its end; returns its exit status.

    It dies with us, however we die. Ctrl-C is its own business meanwhile.
    """
    # Handled here, not ignored: what is ignored would be ignored by the command as well.
    former = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run(["setpriv", "--pdeathsig", "KILL", "--", *argv], check=False).returncode
    finally:
        signal.signal(signal.SIGINT, former)


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
