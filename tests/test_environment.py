"""The difference of two environments: every field, from the emulator's own command line."""

from __future__ import annotations

from dataclasses import replace

from parity.compare import machine_diff
from parity.compare.arch_diff import State
from parity.compare.machine_diff import BUDGET, COMMAND_LINE, Field
from parity.spec.machine import Machine, RunSpec

ARM = Machine(
    *("qemu-virt", "aarch64", "qemu-system-aarch64", (10, 0), "virt,gic-version=2", "cortex-a72", "tcg"),
    *(1, 256, "virtio-blk-device", ("-device", "virtio-rng-device")),
)
INTEL = replace(
    ARM, name="qemu-microvm", arch="x86_64", emulator="qemu-system-x86_64", machine="microvm", cpu="max"
)


def spec(machine: Machine, test: str = "fork_test") -> RunSpec:
    return RunSpec(test, machine.arch, "k" * 64, "d" * 64, machine, f"init=/bin/{test}")


def fields(*sides: RunSpec) -> dict[tuple[str, str], Field]:
    by_arch = {side.arch: machine_diff.guest_environment([side], {"features": "testing"}) for side in sides}
    return {(field.group, field.name): field for field in machine_diff.difference(by_arch)}


def different(found: dict[tuple[str, str], Field]) -> set[str]:
    return {name for (_, name), field in found.items() if field.state is State.DIFFERS}


def test_equal_fields_are_said_to_be_equal_and_others_differ() -> None:
    found = fields(spec(ARM), spec(INTEL))
    assert different(found) == {"emulator", "machine", "CPU"}
    equal = {name for (_, name), field in found.items() if field.state is State.EQUAL}
    assert {"features", "CPUs", "memory, MiB", "accelerator", "device virtio-blk-device"} <= equal
    assert found["", "memory, MiB"].values == {"aarch64": ("256",), "x86_64": ("256",)}
    assert found[COMMAND_LINE, "fork_test"].values["aarch64"] == ("init=/bin/{program}",)


def test_a_dropped_device_moves_its_field_and_no_other() -> None:
    before, after = fields(spec(ARM), spec(INTEL)), fields(spec(ARM), spec(replace(INTEL, arguments=())))
    assert {key for key in before if before[key] != after[key]} == {("", "device virtio-rng-device")}
    assert after["", "device virtio-rng-device"].values == {"aarch64": ("yes",), "x86_64": ()}
    assert after["", "device virtio-rng-device"].state is State.DIFFERS


def test_a_raised_deadline_moves_its_field_and_no_other() -> None:
    before, after = fields(spec(ARM), spec(INTEL)), fields(spec(ARM), replace(spec(INTEL), cpu_budget_s=60.0))
    assert {key for key in before if before[key] != after[key]} == {(BUDGET, "fork_test")}
    assert after[BUDGET, "fork_test"].values == {"aarch64": ("20",), "x86_64": ("60",)}


def test_of_an_architecture_of_which_nothing_is_known_nothing_is_equal() -> None:
    known = machine_diff.guest_environment([spec(ARM)], {})
    assert {field.state for field in machine_diff.difference({"aarch64": known, "x86_64": None})} == {
        State.UNKNOWN
    }


def test_the_same_option_twice_is_one_field_with_both() -> None:
    found = fields(spec(ARM), spec(replace(INTEL, arguments=("-global", "a=1", "-global", "b=2"))))
    assert found["", "option -global"].values == {"aarch64": (), "x86_64": ("a=1; b=2",)}
    assert found["", "option -nodefaults"].values["aarch64"] == ("yes",)
