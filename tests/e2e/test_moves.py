"""Parity is precise: one thing changes on one architecture, and exactly its row moves.

In a copy of this checkout on the session's store, with a device more than usual on every machine, so that
one can be dropped. Each change is made alone, and its report held against the one of the copy as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import Checkout

from parity.core import host

ARCH = "x86_64"
ARM, INTEL = Path("machines", "qemu-virt.yaml"), Path("machines", "qemu-microvm.yaml")
KERNEL, SUITE = Path("kernel"), Path("suites", "user_programs.yaml")
DEVICE = "  - -device\n  - virtio-rng-device\n"
REPORT = Path("build", "report", "parity.json")


@dataclass(frozen=True)
class Change:
    """A text in a file that stands there once, another in its place, and all that moves then."""

    file: Path
    old: str
    new: str
    moved: str
    tests: tuple[str, ...] = ()  # that move, too, where all run

    def __str__(self) -> str:
        return self.moved


CALL = Change(
    KERNEL / "core" / "src" / "syscall" / "mod.rs",
    "    PIPE2 => ",
    f'    #[cfg(not(target_arch = "{ARCH}"))]\n    PIPE2 => ',
    f"matrix: Syscalls on {ARCH}: without PIPE2",
    (f"test: dup_test on {ARCH}: pass → fail",),
)
DROPPED = Change(INTEL, DEVICE, "", f"environment: device virtio-rng-device on {ARCH}: yes → none")
DEADLINE = Change(
    SUITE,
    "  fork_test: {",
    f"  fork_test: {{cpu_budget_s: {{{ARCH}: 60}}, ",
    f"CPU seconds before a hang: fork_test on {ARCH}: 20 → 60",
)
CRATE = KERNEL / "arch" / "src"
FAULTS = [
    Change(
        CRATE / ARCH / "syndrome.rs",
        "        DEBUG | BREAKPOINT => FaultKind::Breakpoint,\n        INVALID_OPCODE | NOT_AVAILABLE",
        "        DEBUG | BREAKPOINT | INVALID_OPCODE => FaultKind::Breakpoint,\n        NOT_AVAILABLE",
        f"test: waitpid_test on {ARCH}: pass → fail",
    ),
    Change(
        CRATE / ARCH / "syndrome.rs",
        "            FaultKind::Page { access, mapped: error & MAPPED != 0 }\n",
        "            let _ = (access, MAPPED);\n            FaultKind::Bus\n",
        f"test: waitpid_test on {ARCH}: pass → fail",
    ),
    Change(  # the clock moves every few milliseconds, however fast the host counts
        CRATE / ARCH / "timer.rs",
        "        _rdtsc()\n",
        "        _rdtsc() >> 23 << 23\n",
        f"test: clock_gettime_test on {ARCH}: pass → fail",
    ),
    Change(
        CRATE / ARCH / "rtc.rs",
        'inventory!("driver", "calendar: MC146818");\n',
        "",
        f"matrix: Drivers on {ARCH}: without calendar",
    ),
    Change(
        CRATE / "lib.rs",
        "    contract!(rtc: unix_seconds);\n",
        f'    #[cfg(target_arch = "{ARCH}")]\n    pub use crate::imp::rtc::unix_seconds;\n'
        f'    #[cfg(not(target_arch = "{ARCH}"))]\n    contract!(rtc: unix_seconds);\n',
        f"matrix: HAL/Kernel Core on {ARCH}: without rtc::unix_seconds",
    ),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The copy, with its report of before."""
    folder = tmp_path_factory.mktemp("moves")
    copy = Checkout.copy(folder / "checkout", host.cache_dir())
    for machine in (ARM, INTEL):
        file = copy.folder / machine
        file.write_text(file.read_text() + DEVICE)
    yield copy
    shutil.rmtree(folder)


def moved(checkout: Checkout, change: Change, *variables: str) -> list[str]:
    """What moves when a change is made, which is then taken back."""
    file, report = checkout.folder / change.file, checkout.folder / REPORT
    checkout.says(*variables, "parity")
    before, known = file.read_text(encoding="utf-8"), report.read_text(encoding="utf-8")
    assert before.count(change.old) == 1, f"{change.old!r} stands {before.count(change.old)} times in {file}"
    file.write_text(before.replace(change.old, change.new), encoding="utf-8")
    _, said = checkout.doit(*variables, "parity")  # a test that has not run yet may be a surprise
    file.write_text(before, encoding="utf-8")
    report.write_text(known, encoding="utf-8")
    mark = "moved since the last time: "
    return [line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)]


@pytest.mark.docker
@pytest.mark.parametrize("change", [CALL, DEADLINE], ids=str)
def test_a_sample_moves_its_row_and_no_other(checkout: Checkout, change: Change) -> None:
    """With one test run and the others unknown before and after."""
    assert moved(checkout, change, "only=access_test") == [change.moved]


@pytest.mark.docker
@pytest.mark.thorough
@pytest.mark.parametrize("change", [CALL, DROPPED, DEADLINE, *FAULTS], ids=lambda change: change.file.name)
def test_every_change_moves_its_row_and_no_other(checkout: Checkout, change: Change) -> None:
    assert moved(checkout, change) == [*change.tests, change.moved]
