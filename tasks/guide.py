"""What `doit` alone prints: what a newcomer wants, a line each."""

from __future__ import annotations

from typing import Any

from tasks.session import current, task

DOIT_CONFIG = {"default_tasks": ["guide"]}

LINES = (
    ("doit test_{arch}", "build the kernel, run all user programs, print the verdicts"),
    ("doit test_{arch}:{test}", "one test"),
    ("doit boot_{arch}", "boot to the first user program"),
    ("doit fresh=1 test_{arch}", "run again what passed before, too"),
    ("doit kthread_parallel:20", "stress kernel threads in 20 guests, a fresh seed each"),
    ("doit build_kernel:{arch}-{features}", "one kernel build"),
    ("doit parity", "all architectures side by side, and what differs around them"),
    ("doit compare:HEAD~1", "what moved since another commit"),
    ("doit report", "the last results again, and where the files are"),
    ("doit doctor", "what this machine has and lacks"),
    ("doit list", "all tasks; doit list --all build_kernel: their sub-tasks"),
)


def task_guide() -> Any:
    """What to type (also: doit without a task)"""
    return task("guide", str(task_guide.__doc__), show)


def show() -> None:
    """Prints the lines with names that this tree has."""
    session = current()
    tree = session.tree
    names = {
        "arch": tree.archs[0],
        "features": tree.run.features,
        "test": next(iter(session.suite.tests)),
    }
    lines = [(command.format(**names), text) for command, text in LINES]
    width = max(len(command) for command, _ in lines)
    for command, text in lines:
        session.screen.note(f"{command:<{width}}  {text}")
