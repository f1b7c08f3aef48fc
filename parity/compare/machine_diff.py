"""What surrounds the guests of an architecture, field by field: a failure may be a missing device, no fault.

The fields come from the emulator's own command line, as every guest of the suite gets it, and from whatever
else the caller knows of kernel and disk. Fields of a group (the deadlines of 80 tests) are one line of a
report as long as they are equal.
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
OWN = ("-name", "-kernel", "-append")  # a test's own, or a path

GuestEnvironment = Mapping[tuple[str, str], str]
"""By group ("" for a field alone) and name."""


@dataclass(frozen=True)
class Field:
    """One field on all architectures; () where it has none, None where nothing is known."""

    group: str
    name: str
    values: Mapping[str, Value | None]

    @property
    def state(self) -> State:
        """Whether it is equal."""
        return arch_diff.state(self.values)


def guest_environment(specs: Sequence[RunSpec], facts: Mapping[str, str]) -> GuestEnvironment:
    """What surrounds these guests of one architecture, which share all but command line and deadlines."""
    found: dict[tuple[str, str], str] = {("", name): value for name, value in facts.items()}
    if specs:
        found |= {("", name): value for name, value in _options(specs[0])}
    for spec in specs:
        found[COMMAND_LINE, spec.test] = spec.cmdline.replace(spec.test, "{program}")
        found[BUDGET, spec.test] = f"{spec.cpu_budget_s:g}"
        found[SILENCE, spec.test] = f"{spec.silence_s:g}"
    return found


def difference(by_arch: Mapping[str, GuestEnvironment | None]) -> list[Field]:
    """Every field of any architecture; None for an architecture of which nothing is known."""
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
    """The emulator's command line by field: a device each, any other option with all its values."""
    emulator, *words = machine.qemu_argv(spec, GuestPaths("KERNEL", "DISK", "FIRMWARE"))
    fields: dict[str, list[str]] = {"emulator": [emulator]}
    while words:
        option, value = words.pop(0), ""
        if words and not words[0].startswith("-"):
            value = words.pop(0)
        if option in OWN:
            continue
        name = NAMES.get(option, f"option {option}")
        if option == "-device":
            device, _, value = value.partition(",")
            name = f"device {device}"
        fields.setdefault(name, []).append(value or "yes")
    for name, values in fields.items():
        yield name, "; ".join(values)
