"""Machine profiles, run specs, and the QEMU command line that follows from them. Pure except `load`."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from parity.core import yamlfile
from parity.core.errors import UserError
from parity.core.yamlfile import Model, Name, Seconds, Text, nearest
from parity.judge.channel import ARCHITECTURES
from parity.judge.state import RunKind

# File descriptors that the emulator inherits from the lane's supervisor; each is one end of a socket pair.
CONSOLE_FD, CHANNEL_FD, QMP_FD = 10, 11, 12
EMULATOR_REFUSED = 1  # QEMU's exit status for its own errors
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
LOADED = ("kernel", "firmware", "command_line")  # the placeholders in the arguments `load`

Arguments = tuple[Text, ...]


class Uefi(Model, frozen=True):
    """A machine's firmware, and its requirements for a bootable disk."""

    firmware: Text  # a path in the tool image "uefi"
    grub: Name  # GRUB's name of the platform
    boot_file: Text  # the path that the firmware loads from a disk
    silence_s: Seconds  # firmware and boot loader may be silent for so many seconds


class MachineFile(Model, frozen=True):
    """One QEMU machine, as its file describes it.

    `load` are the arguments that load the kernel: "{kernel}" and "{firmware}" in them are replaced by those
    files, "{command_line}" by the kernel's command line. `uefi` is for a machine whose kernel is on its disk.
    """

    arch: Name
    emulator: Name
    least_version: Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$", description='"MAJOR.MINOR"')]
    machine: Text
    cpu: Text
    accelerator: Text
    vcpus: Annotated[int, Meta(ge=1, le=64)]
    memory_mib: Annotated[int, Meta(ge=16, le=65_536)]
    load: Arguments
    disk: Text  # the device model that holds the disk image
    channel: Arguments  # attach the chardev "channel" as result channel
    power_off_status: Annotated[
        int, Meta(ge=0, le=255)
    ]  # the emulator's exit status after a normal power-off
    uefi: Uefi | None = None
    arguments: Arguments = ()


@dataclass(frozen=True)
class Machine:
    """One QEMU machine (see MachineFile).

    The defaults are for old recordings, which lack these fields.
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
    arguments: Arguments = ()
    channel: Arguments = ("-serial", "chardev:channel")
    power_off_status: int = 0
    load: Arguments = ("-kernel", "{kernel}", "-append", "{command_line}")
    uefi: Uefi | None = None


@dataclass(frozen=True)
class RunSpec:
    """One guest: everything on which its result may depend, except the emulator binary and the host.

    `kernel`, `disk` and `firmware` are SHA-256 digests of files in the store. A guest counts as hung after
    `cpu_budget_s` CPU seconds of all vCPUs together, or after `silence_s` seconds without an event or byte.
    `ends_as` is the path of the program that PID 1 must be at its end (None: the program that was started).
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
        text = json.dumps(msgspec.to_builtins(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def program(self) -> str:
        """The path of the program that must be PID 1."""
        return program_of(self.cmdline)


def program_of(cmdline: str) -> str:
    """The program that a kernel's command line requests: the value of `init=`, as the kernel parses it."""
    words = cmdline.partition(" -- ")[0].split()
    chosen = [word.removeprefix("init=") for word in words if word.startswith("init=")]
    return chosen[-1] if chosen else "/bin/init"


@dataclass(frozen=True)
class GuestPaths:
    """The paths of a guest's files, as the emulator sees them."""

    kernel: str
    disk: str | None
    firmware: str | None = None


def load(path: Path) -> Machine:
    """Reads machines/NAME.yaml.

    Raises:
        UserError: with file and line, if the file does not describe a machine.
    """
    file = yamlfile.load(path, MachineFile)
    given = file.value
    if given.power_off_status == EMULATOR_REFUSED:
        message = f"{EMULATOR_REFUSED} is the emulator's status for its own errors"
        raise file.error(message, "power_off_status")
    for number, word in enumerate(given.load):
        if unknown := [each for each in PLACEHOLDER.findall(word) if each not in LOADED]:
            message = f"{word!r} has braces around {unknown[0]!r}; {nearest(unknown[0], LOADED)}"
            raise file.error(message, "load", number)
    file.word("architecture", given.arch, ARCHITECTURES.values(), "arch")
    major, minor = map(int, given.least_version.split("."))
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if key != "least_version"}
    return Machine(name=path.stem, least_version=(major, minor), **values)


def firmware_of(machine: Machine) -> Uefi:
    """The machine's firmware. Raises UserError if it has none."""
    if machine.uefi is None:
        raise UserError(f"machines/{machine.name}.yaml describes no firmware (key uefi)")
    return machine.uefi


def qemu_argv(spec: RunSpec, paths: GuestPaths) -> list[str]:
    """The emulator's complete command line for `spec`.

    The guest starts with QMP's `cont`, after QMP events were enabled. The machine pauses at its end
    (`shutdown=pause`), so that its memory can still be read; a reset counts as an end. The threads have
    names, so that the supervisor finds the CPU time of the vCPUs.
    """
    machine = spec.machine
    argv = [machine.emulator, "-machine", machine.machine, "-cpu", machine.cpu, "-accel", machine.accelerator]
    argv += ["-smp", str(machine.vcpus), "-m", str(machine.memory_mib)]
    argv += ["-nodefaults", "-no-user-config", "-display", "none"]
    argv += ["-S", "-no-reboot", "-action", "shutdown=pause"]
    argv += ["-name", f"{spec.test.replace(',', ',,')},debug-threads=on"]
    argv += machine.arguments
    words = {"kernel": paths.kernel, "firmware": paths.firmware or "", "command_line": spec.cmdline}
    argv += [PLACEHOLDER.sub(lambda found: words[found[1]], word) for word in machine.load]
    if paths.disk is not None:
        # The image is the guest's private copy in memory, so it needs no caching and no flushes.
        argv += ["-drive", f"if=none,id=root,format=raw,cache=unsafe,file={paths.disk}"]
        argv += ["-device", f"{machine.disk},drive=root"]
    argv += ["-chardev", f"socket,id=console,fd={CONSOLE_FD}", "-serial", "chardev:console"]
    argv += ["-chardev", f"socket,id=channel,fd={CHANNEL_FD}", *machine.channel]
    return [*argv, "-chardev", f"socket,id=qmp,fd={QMP_FD}", "-mon", "chardev=qmp,mode=control"]
