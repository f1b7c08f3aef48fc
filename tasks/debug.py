"""Debugs a guest with GDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parity.core.errors import UserError
from parity.debug.debugger import debug
from tasks import suite
from tasks.session import current, task
from tasks.trace import programs, spec_of


def task_debug() -> Iterator[Any]:
    """Open GDB on a guest, stopped before its first instruction: arch=<architecture> debug:<test>"""
    session = current()
    if session.names("debug") and len(session.archs) != 1:
        raise UserError(f"GDB debugs one guest: set arch={' or arch='.join(session.archs)}")
    arch, boot = session.archs[0], session.tree.run.boot_program
    after = suite.needs(session, arch, f"disk:{arch}")
    yield task("debug", str(task_debug.__doc__), opened, arch, boot, after=after, outputs=["debug"])
    for name in [boot, *session.suite.tests, *programs(session).tests]:
        yield task(f"debug:{name}", f"Open GDB on {name}", opened, arch, name, after=after)


def opened(arch: str, name: str) -> bool:
    """Opens GDB on the guest of a program; returns whether GDB ended with status 0.

    Raises:
        MachineError: GDB is not installed.
        InfraError: the guest could not be started.
    """
    session = current()
    return debug(session.space, spec_of(session, arch, name)) == 0
