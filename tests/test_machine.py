from dataclasses import fields, replace
from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.spec import machine
from parity.spec.machine import GuestPaths, Machine, RunSpec

MACHINES = Path(__file__).parents[1] / "machines"


def spec(**changes: object) -> RunSpec:
    base = RunSpec("fork_test", "aarch64", "a" * 64, "b" * 64, virt(), "init=/bin/fork_test")
    return replace(base, **changes)  # type: ignore[arg-type]


def virt() -> Machine:
    return machine.load(MACHINES / "qemu-virt.yaml")


def test_the_machine_the_project_carries() -> None:
    assert virt() == Machine(
        name="qemu-virt",
        arch="aarch64",
        emulator="qemu-system-aarch64",
        least_version=(10, 0),
        machine="virt,gic-version=2",
        cpu="cortex-a72",
        accelerator="tcg",
        vcpus=1,
        memory_mib=256,
        disk="virtio-blk-device",
        arguments=("-global", "virtio-mmio.force-legacy=false"),
        channel=("-serial", "chardev:channel"),
        power_off_status=0,
    )


def test_what_differs_between_machines_is_data() -> None:
    microvm = machine.load(MACHINES / "qemu-microvm.yaml")
    assert (microvm.arch, microvm.power_off_status) == ("x86_64", 85)
    argv = machine.qemu_argv(spec(arch="x86_64", machine=microvm), GuestPaths("/k", "/d"))
    assert argv[0] == "qemu-system-x86_64"
    assert [*argv].count("-serial") == 1
    at = argv.index("socket,id=channel,fd=11")
    assert argv[at + 1 : at + 3] == ["-device", "isa-debugcon,iobase=0xe9,chardev=channel"]
    assert "isa-debug-exit,iobase=0x501,iosize=4" in argv


def test_both_architectures_get_the_same_of_what_can_be_the_same() -> None:
    one, other = virt(), machine.load(MACHINES / "qemu-microvm.yaml")
    assert (one.vcpus, one.memory_mib, one.accelerator) == (other.vcpus, other.memory_mib, other.accelerator)
    assert (one.disk, one.least_version) == (other.disk, other.least_version)


def test_the_whole_command_line() -> None:
    argv = machine.qemu_argv(spec(), GuestPaths("/store/aa/kernel", "/lane/disk.img"))
    assert argv == [
        *("qemu-system-aarch64", "-machine", "virt,gic-version=2", "-cpu", "cortex-a72", "-accel", "tcg"),
        *("-smp", "1", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-S", "-no-reboot", "-action", "shutdown=pause", "-name", "fork_test,debug-threads=on"),
        *("-global", "virtio-mmio.force-legacy=false"),
        *("-kernel", "/store/aa/kernel", "-append", "init=/bin/fork_test"),
        *("-drive", "if=none,id=root,format=raw,cache=unsafe,file=/lane/disk.img"),
        *("-device", "virtio-blk-device,drive=root"),
        *("-chardev", "socket,id=console,fd=10", "-serial", "chardev:console"),
        *("-chardev", "socket,id=channel,fd=11", "-serial", "chardev:channel"),
        *("-chardev", "socket,id=qmp,fd=12", "-mon", "chardev=qmp,mode=control"),
    ]


def test_a_machine_with_firmware_gets_neither_kernel_nor_command_line() -> None:
    q35 = machine.load(MACHINES / "qemu-q35-uefi.yaml")
    argv = machine.qemu_argv(spec(arch="x86_64", machine=q35), GuestPaths("/k", "/d", "/f"))
    assert argv[argv.index("-bios") + 1] == "/f"
    assert {"-kernel", "-append", "/k"}.isdisjoint(argv)
    assert "virtio-blk-pci,drive=root" in argv


def test_the_same_pc_with_and_without_firmware() -> None:
    """A boot by UEFI says of the kernel what it says on the CPU, memory and result channel of the suite."""
    bare, firmware = (machine.load(MACHINES / f"{name}.yaml") for name in ("qemu-microvm", "qemu-q35-uefi"))
    differing = {"name", "machine", "load", "disk", "uefi", "arguments"}
    names = {field.name for field in fields(Machine)}
    assert {name for name in names if getattr(bare, name) != getattr(firmware, name)} == differing
    assert set(firmware.arguments) <= set(bare.arguments)


def test_a_command_line_with_braces_stays_as_it_is() -> None:
    argv = machine.qemu_argv(spec(cmdline="init=/bin/{kernel}"), GuestPaths("/k", None))
    assert argv[argv.index("-append") + 1] == "init=/bin/{kernel}"


def test_no_disk_no_drive() -> None:
    argv = machine.qemu_argv(spec(disk=None), GuestPaths("/k", None))
    assert "-drive" not in argv
    assert "-device" not in argv


@pytest.mark.parametrize(
    "change",
    [
        {"test": "x"},
        {"arch": "x86_64"},
        {"kernel": "c" * 64},
        {"disk": None},
        {"cmdline": "init=/bin/other"},
        {"cpu_budget_s": 21.0},
        {"silence_s": 4.0},
        {"machine": replace(virt(), memory_mib=512)},
        {"machine": replace(virt(), arguments=())},
        {"machine": replace(virt(), load=())},
        {"firmware": "c" * 64},
    ],
)
def test_everything_that_matters_is_in_the_digest(change: dict[str, object]) -> None:
    assert spec(**change).digest() != spec().digest()
    assert spec().digest() == spec().digest()


@pytest.mark.parametrize(
    ("cmdline", "program"),
    [
        ("init=/bin/fork_test", "/bin/fork_test"),
        ("tick_hz=100 init=/bin/a -- init=/bin/b", "/bin/a"),
        ("", "/bin/init"),
        ("tick_hz=100 -- x", "/bin/init"),
    ],
)
def test_what_pid_1_must_be(cmdline: str, program: str) -> None:
    assert spec(cmdline=cmdline).program == program


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("vcpus: 0", "at least 1"),
        ("least_version: ten", "MAJOR.MINOR"),
        ("speed: 3", "unknown key 'speed'"),
        ("cpu: [a]", "text expected"),
        ("power_off_status: 1", "status for its own errors"),
        ('load: [-kernel, "{kernels}"]', "has braces around"),
        ("uefi: {firmware: /f, grub: x}", "key 'boot_file' is missing"),
        ("uefi: {firmware: /f, grub: x, boot_file: y, silence_s: soon}", "a number above 0"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, line: str, complaint: str) -> None:
    key = line.partition(":")[0]
    lines = [
        old for old in (MACHINES / "qemu-virt.yaml").read_text().splitlines() if not old.startswith(f"{key}:")
    ]
    path = tmp_path / "virt.yaml"
    path.write_text("\n".join([line, *lines]) + "\n")
    with pytest.raises(UserError, match=complaint) as raised:
        machine.load(path)
    assert raised.value.line == 1
