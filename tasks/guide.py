"""The output of `doit` without a task: the most useful commands."""

from __future__ import annotations

from typing import Any

from tasks.session import current, task

DOIT_CONFIG = {"default_tasks": ["guide"]}

LINES = (
    ("doit test_{arch}", "build the kernel, run all user programs, print the verdicts"),
    ("doit test_{arch}:{test}", "one test"),
    ("doit boot_{arch}", "boot to the first user program"),
    ("doit fresh=1 test_{arch}", "run all tests again, also those that passed"),
    ("doit kthread_parallel:20", "stress kernel threads in 20 guests, a fresh seed each"),
    ("doit build_kernel:{arch}-{features}", "one kernel build"),
    ("doit parity", "compare all architectures"),
    ("doit compare:HEAD~1", "compare the results with another commit"),
    ("doit report", "show the last results and the paths of their files"),
    ("doit doctor", "check that this machine has what Parity needs"),
    ("doit list", "all tasks; doit list --all build_kernel: their sub-tasks"),
)


def task_guide() -> Any:
    """List the most useful commands (also: doit without a task)"""
    return task("guide", str(task_guide.__doc__), show)


def show() -> None:
    """Prints the commands, with names of this tree."""
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
