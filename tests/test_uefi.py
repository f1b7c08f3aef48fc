"""The disk image that boots by itself: what GRUB is told, how large it is, what its guest is given."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from parity.build import uefi
from parity.build.outputs import BuildOutputs
from parity.core.errors import UserError
from parity.judge.verdict import Verdict
from parity.run import suite_run
from parity.spec import machine, tree
from parity.spec.suite import CPU_BUDGET_S, SILENCE_S, Test

ROOT = Path(__file__).parents[1]
TREE = tree.load(ROOT / "trees" / "reference.yaml")
MIB = 2**20


def profile(arch: str = "x86_64") -> machine.Machine:
    return machine.load(ROOT / "machines" / f"{TREE.run.uefi[arch]}.yaml")


def test_every_machine_of_the_tree_has_its_firmware() -> None:
    assert list(TREE.run.uefi) == ["x86_64"]
    for arch in TREE.run.uefi:
        assert profile(arch).arch == arch
        assert machine.firmware_of(profile(arch)).boot_file.startswith("EFI/BOOT/")


def test_a_machine_without_firmware_boots_no_image() -> None:
    with pytest.raises(UserError, match=r"machines/qemu-virt.yaml describes no firmware"):
        machine.firmware_of(machine.load(ROOT / "machines" / "qemu-virt.yaml"))


@pytest.mark.parametrize("line", ["init=/bin/init", "", "tick_hz=100 init=/bin/a -- it's; $HOME"])
def test_grub_hands_on_the_words_of_the_command_line(line: str) -> None:
    kernel, module, boot = uefi.commands(line).splitlines()
    assert shlex.split(kernel) == ["multiboot2", "/kernel", *line.split()]
    assert (module, boot) == ("module2 /disk", "boot")


def test_folders_are_made_before_what_is_in_them() -> None:
    assert uefi.folders("EFI/BOOT/BOOTX64.EFI") == ["EFI", "EFI/BOOT"]
    assert uefi.folders("grub") == []


@pytest.mark.parametrize(("content_mib", "image_mib"), [(0, 2), (1, 4), (25, 28), (500, 507)])
def test_the_image_has_room_for_more_than_its_content(content_mib: int, image_mib: int) -> None:
    assert uefi.size_mib(content_mib * MIB) == image_mib


def test_its_guest_may_be_silent_as_long_as_firmware_is() -> None:
    made = BuildOutputs("x86_64", "testing", "k" * 64, {}, profile(), "f" * 64)
    test = Test("init", "boot", {"x86_64": Verdict.PASS}, None)
    spec = suite_run.spec(TREE, test, made, "d" * 64)
    assert spec.silence_s == SILENCE_S + machine.firmware_of(profile()).silence_s
    assert (spec.firmware, spec.cpu_budget_s) == ("f" * 64, CPU_BUDGET_S)
    bare = replace(profile(), uefi=None)
    assert suite_run.spec(TREE, test, replace(made, machine=bare), "d" * 64).silence_s == SILENCE_S
