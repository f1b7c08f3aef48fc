"""Machine profiles and run specs, and the QEMU command line that follows from them. Pure but for `load`."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from parity import yamlfile
from parity.errors import UserError
from parity.yamlfile import Node

# File descriptors the emulator inherits from the lane's supervisor, each one end of a socket pair.
CONSOLE_FD, CHANNEL_FD, QMP_FD = 10, 11, 12
EMULATOR_REFUSED = 1  # the exit status of an emulator that gives up for reasons of its own

KEYS = (
    "arch",
    "emulator",
    "least_version",
    "machine",
    "cpu",
    "accelerator",
    "vcpus",
    "memory_mib",
    "load",
    "disk",
    "channel",
    "power_off_status",
    "uefi",
    "arguments",
)
OPTIONAL = ("uefi", "arguments")
UEFI_KEYS = ("firmware", "grub", "boot_file", "silence_s")


@dataclass(frozen=True)
class Uefi:
    """A machine's firmware, and what a disk that boots on it must have.

    `firmware` is a path in the tool image "uefi", `grub` GRUB's name of the platform, `boot_file` the path
    that the firmware loads from a disk, `silence_s` how many seconds firmware and loader may be silent.
    """

    firmware: str
    grub: str
    boot_file: str
    silence_s: float


@dataclass(frozen=True)
class Machine:
    """One QEMU machine.

    `load` are the arguments by which a guest comes to its kernel: "{kernel}" and "{firmware}" in them are
    replaced by those files, "{command_line}" by the kernel's. `uefi` is there for a machine whose kernel is
    on its disk. `disk` is the device model that holds the disk image, `channel` the arguments that attach the
    chardev "channel" as result channel, `power_off_status` the emulator's exit status after an orderly
    power-off.
    What recordings may lack has the value that held when they were made.
    """

    name: str
    arch: str
    emulator: str
    least_version: tuple[int, int]
    machine: str
    cpu: str
    accelerator: str
    vcpus: int
    memory_mib: int
    disk: str
    arguments: tuple[str, ...] = ()
    channel: tuple[str, ...] = ("-serial", "chardev:channel")
    power_off_status: int = 0
    load: tuple[str, ...] = ("-kernel", "{kernel}", "-append", "{command_line}")
    uefi: Uefi | None = None


class RunKind(StrEnum):
    """What a guest is to do; never what it chooses to do."""

    PROGRAM = "program"  # start a program as PID 1, and end with it
    TESTS = "tests"  # run the kernel's own tests, announced by a plan


@dataclass(frozen=True)
class RunSpec:
    """One guest: everything its outcome may depend on, but the emulator binary and the host.

    `kernel`, `disk` and `firmware` are SHA-256 digests of files in the store. `cpu_budget_s` are CPU seconds
    of all vCPUs together, `silence_s` seconds without event or byte, before the guest counts as hung.
    `ends_as` is the path of the program that PID 1 must be when it ends (None: the one it is started as).
    """

    test: str
    arch: str
    kernel: str
    disk: str | None
    machine: Machine
    cmdline: str
    cpu_budget_s: float = 20.0
    silence_s: float = 3.0
    firmware: str | None = None
    kind: RunKind = RunKind.PROGRAM
    ends_as: str | None = None

    def digest(self) -> str:
        """SHA-256 (hexadecimal) over all fields, the machine's included."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def program(self) -> str:
        """What PID 1 must be."""
        return program_of(self.cmdline)


def program_of(cmdline: str) -> str:
    """The program that a kernel's command line asks for: the value of `init=`, as the kernel reads it."""
    words = cmdline.partition(" -- ")[0].split()
    chosen = [word.removeprefix("init=") for word in words if word.startswith("init=")]
    return chosen[-1] if chosen else "/bin/init"


@dataclass(frozen=True)
class GuestPaths:
    """Where a guest's files are, seen from the emulator."""

    kernel: str
    disk: str | None
    firmware: str | None = None


def load(path: Path) -> Machine:
    """Reads machines/NAME.yaml.

    Raises:
        UserError: with file and line, for anything that is not a machine.
    """
    top = yamlfile.load(path).mapping(KEYS, required=[key for key in KEYS if key not in OPTIONAL])
    version = top["least_version"].text().split(".")
    if len(version) != 2 or not all(re.fullmatch("[0-9]{1,4}", part) for part in version):
        raise top["least_version"].error(f'"MAJOR.MINOR" expected, not {".".join(version)!r}')
    arguments, status = top.get("arguments"), top["power_off_status"].integer(least=0)
    if status == EMULATOR_REFUSED:
        raise top["power_off_status"].error(f"{status} is how the emulator says that it failed")
    for word in top["load"].texts():
        try:
            word.format(kernel="", firmware="", command_line="")
        except (KeyError, IndexError, ValueError):
            raise top["load"].error(f"{word!r} has braces around what is not known") from None
    return Machine(
        name=path.stem,
        arch=top["arch"].text(),
        emulator=top["emulator"].text(),
        least_version=(int(version[0]), int(version[1])),
        machine=top["machine"].text(),
        cpu=top["cpu"].text(),
        accelerator=top["accelerator"].text(),
        vcpus=top["vcpus"].integer(least=1),
        memory_mib=top["memory_mib"].integer(least=16),
        disk=top["disk"].text(),
        arguments=arguments.texts() if arguments else (),
        channel=top["channel"].texts(),
        power_off_status=status,
        load=top["load"].texts(),
        uefi=_uefi(top["uefi"]) if "uefi" in top else None,
    )


def firmware_of(machine: Machine) -> Uefi:
    """The machine's firmware; raises UserError where it has none."""
    if machine.uefi is None:
        raise UserError(f"machines/{machine.name}.yaml describes no firmware (key uefi)")
    return machine.uefi


def _uefi(node: Node) -> Uefi:
    uefi = node.mapping(UEFI_KEYS, required=UEFI_KEYS)
    return Uefi(
        uefi["firmware"].text(), uefi["grub"].text(), uefi["boot_file"].text(), uefi["silence_s"].seconds()
    )


def qemu_argv(spec: RunSpec, paths: GuestPaths) -> list[str]:
    """The emulator's whole command line for `spec`.

    The guest starts by QMP's `cont`, once its events have a listener. It stops where it ends
    (`shutdown=pause`), so that its memory can still be read; a reset counts as an end. Threads have names, by
    which the vCPUs' CPU time is found.
    """
    machine = spec.machine
    argv = [machine.emulator, "-machine", machine.machine, "-cpu", machine.cpu, "-accel", machine.accelerator]
    argv += ["-smp", str(machine.vcpus), "-m", str(machine.memory_mib)]
    argv += ["-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-S", "-no-reboot", "-action", "shutdown=pause"]
    argv += ["-name", f"{spec.test.replace(',', ',,')},debug-threads=on"]
    argv += machine.arguments
    words = {"kernel": paths.kernel, "firmware": paths.firmware, "command_line": spec.cmdline}
    argv += [word.format_map(words) for word in machine.load]
    if paths.disk is not None:
        # The image is this guest's own copy in memory: no cache on top of it, no waiting for flushes.
        argv += ["-drive", f"if=none,id=root,format=raw,cache=unsafe,file={paths.disk}"]
        argv += ["-device", f"{machine.disk},drive=root"]
    argv += ["-chardev", f"socket,id=console,fd={CONSOLE_FD}", "-serial", "chardev:console"]
    argv += ["-chardev", f"socket,id=channel,fd={CHANNEL_FD}", *machine.channel]
    return [*argv, "-chardev", f"socket,id=qmp,fd={QMP_FD}", "-mon", "chardev=qmp,mode=control"]
