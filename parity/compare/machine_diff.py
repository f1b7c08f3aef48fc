"""Compares the machines and kernels of architectures by field: a difference may explain a failure.

The fields come from the emulator's command line and from the caller's facts about kernel and disk. A report
has one line for a group of fields (such as the deadlines of 80 tests) if they are equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from parity.compare import arch_diff
from parity.compare.arch_diff import State, Value
from parity.spec import machine
from parity.spec.machine import GuestPaths, RunSpec

COMMAND_LINE, BUDGET, SILENCE = "command line", "CPU seconds before a hang", "silent seconds before a hang"
NAMES = {"-machine": "machine", "-cpu": "CPU", "-accel": "accelerator", "-smp": "CPUs", "-m": "memory, MiB"}
PER_TEST = ("-name", "-kernel", "-append")  # options that differ by test, or contain a path

GuestEnvironment = Mapping[tuple[str, str], str]
"""Value by group ("" for a single field) and name."""


@dataclass(frozen=True)
class Field:
    """One field on all architectures; () if it is not set, None if it is unknown."""

    group: str
    name: str
    values: Mapping[str, Value | None]

    @property
    def state(self) -> State:
        """Whether the field is equal on all architectures."""
        return arch_diff.state(self.values)


def guest_environment(specs: Sequence[RunSpec], facts: Mapping[str, str]) -> GuestEnvironment:
    """The environment of one architecture's guests, which differ only in command line and deadlines."""
    found: dict[tuple[str, str], str] = {("", name): value for name, value in facts.items()}
    if specs:
        found |= {("", name): value for name, value in _options(specs[0])}
    for spec in specs:
        found[COMMAND_LINE, spec.test] = spec.cmdline.replace(spec.test, "{program}")
        found[BUDGET, spec.test] = f"{spec.cpu_budget_s:g}"
        found[SILENCE, spec.test] = f"{spec.silence_s:g}"
    return found


def difference(by_arch: Mapping[str, GuestEnvironment | None]) -> list[Field]:
    """All fields of all architectures; `by_arch` has None for an unknown architecture."""
    keys = dict.fromkeys(key for found in by_arch.values() for key in found or ())
    return [
        Field(group, name, {arch: _value(found, (group, name)) for arch, found in by_arch.items()})
        for group, name in keys
    ]


def _value(found: GuestEnvironment | None, key: tuple[str, str]) -> Value | None:
    if found is None:
        return None
    return (found[key],) if key in found else ()


def _options(spec: RunSpec) -> Iterator[tuple[str, str]]:
    """The emulator's command line as fields: one per device, and one per other option with all its values."""
    emulator, *words = machine.qemu_argv(spec, GuestPaths("KERNEL", "DISK", "FIRMWARE"))
    fields: dict[str, list[str]] = {"emulator": [emulator]}
    while words:
        option, value = words.pop(0), ""
        if words and not words[0].startswith("-"):
            value = words.pop(0)
        if option in PER_TEST:
            continue
        name = NAMES.get(option, f"option {option}")
        if option == "-device":
            device, _, value = value.partition(",")
            name = f"device {device}"
        fields.setdefault(name, []).append(value or "yes")
    for name, values in fields.items():
        yield name, "; ".join(values)
