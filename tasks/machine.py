"""Checks this machine."""

from __future__ import annotations

from typing import Any

from parity.core.errors import MachineError
from parity.docker import doctor
from parity.docker.doctor import State
from tasks.session import current, task

LOOKS = {State.OK: "green", State.NOTE: "", State.LACK: "red"}


def task_doctor() -> Any:
    """Check that this machine has what Parity needs"""
    return task("doctor", str(task_doctor.__doc__), examine)


def examine() -> None:
    """Prints the findings.

    Raises:
        MachineError: something is lacking.
    """
    session = current()
    findings = doctor.examine(session.space.root, session.space.cache)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        line = f"{finding.state:<4}  {finding.name:<{width}}  {finding.detail}"
        session.screen.note(line, LOOKS[finding.state])
        if finding.hint:
            session.screen.note(" " * (width + 8) + finding.hint)
    lacking = [finding.name for finding in findings if finding.state is State.LACK]
    if lacking:
        raise MachineError(f"this machine lacks: {', '.join(lacking)}")
