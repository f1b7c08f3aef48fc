"""A kernel tree: what to build, what to put on the disk, how to start a guest.

`trees/NAME.yaml` is a `TreeFile`. `sources` are files, folders ending in `/`, or patterns. A build sees no
other files, and their content is part of its key. Links among them must stay in the tree. If only the
Cargo.toml of a package is listed, the workspace has this package but the build does not need it. A value by
architecture is either one value for all architectures, or a mapping from architecture to value.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
from msgspec import Meta

from parity.core import yamlfile
from parity.core.yamlfile import Document, Model, Name, Text
from parity.judge.channel import ARCHITECTURES
from parity.judge.state import RunKind
from parity.judge.verdict import Verdict

PLANTED_FAULTS = "planted_faults"  # the key, and the feature set that has these faults
THREAD_FAULTS = "thread_faults"
LINK_BYTES_MAX = 1023  # bytes of a link's target: with a NUL, one block of the image
PROGRAM = "{program}"  # in the kernel's command line: the name of the program for PID 1

Texts = tuple[Text, ...]
SomeTexts = Annotated[Texts, Meta(min_length=1)]
GuestPath = Annotated[str, Meta(pattern=r"^/[^\x00]*$", description="an absolute path in the guest")]
Content = Annotated[str, Meta(max_length=2**20)]
Many = Annotated[int, Meta(ge=1, le=10_000_000)]


class FeatureSetEntry(Model, frozen=True):
    """One build of the kernel in the file."""

    features: tuple[Name, ...]  # Cargo features
    expected: Verdict | dict[str, Verdict]  # the verdict of a boot to `boot_program`
    says: str | dict[str, str] | None = None  # a text that the verdict's cause contains
    runs: RunKind = RunKind.PROGRAM  # `tests` for a kernel that runs its own tests instead of a program


class KernelEntry(Model, frozen=True):
    """How the kernel is built."""

    package: Name
    binary: Name
    sources: SomeTexts
    arguments: Texts
    rustflags: Texts
    targets: dict[Name, Text]  # architecture → Rust target
    feature_sets: dict[Name, FeatureSetEntry]
    # Faults that the command line selects by `fault=NAME` in a build of the feature set "planted_faults".
    planted_faults: tuple[Name, ...] | None = None
    thread_faults: tuple[Name, ...] | None = (
        None  # more faults; the stress test of kernel threads must find them
    )


class ProgramsEntry(Model, frozen=True):
    """How the user programs are built."""

    packages: Annotated[tuple[Name, ...], Meta(min_length=1)]
    sources: SomeTexts
    arguments: Texts
    rustflags: Texts
    targets: dict[Name, str]


class DiskEntry(Model, frozen=True):
    """The content of the ext2 image."""

    size_mib: Annotated[int, Meta(ge=1, le=4096)]
    programs: GuestPath  # the folder of the programs
    copies: dict[GuestPath, str]  # path of a second copy → program
    files: dict[GuestPath, Content]
    folders: tuple[GuestPath, ...]  # empty or not
    # Path → number of lines; each line is its number in seven digits.
    number_files: dict[GuestPath, Many] = msgspec.field(default_factory=dict)
    # Path of a folder → number of empty files in it (entry-000, …).
    full_folders: dict[GuestPath, Many] = msgspec.field(default_factory=dict)
    # Files that are no programs but have the x bit.
    executables: dict[GuestPath, Content] = msgspec.field(default_factory=dict)
    links: dict[GuestPath, str] = msgspec.field(
        default_factory=dict
    )  # path of a symbolic link → its target, which need not exist


class RunEntry(Model, frozen=True):
    """How guests are started."""

    suite: Name
    features: Name  # the feature set that the suite runs with
    command_line: Text  # PROGRAM in it is replaced
    boot_program: Name
    machines: Annotated[dict[Name, Name], Meta(min_length=1)]  # architecture → machines/NAME.yaml
    # The same for machines with firmware, for architectures whose kernel also boots from a disk image.
    uefi: dict[Name, Name] = msgspec.field(default_factory=dict)


class SerialEntry(Model, frozen=True):
    """The console of the kernel."""

    panic: Texts  # texts on the console that announce a panic


class TreeFile(Model, frozen=True):
    """The file of a kernel tree."""

    name: Name
    root: Text  # the tree's folder, relative to this file
    kernel: KernelEntry
    programs: ProgramsEntry
    disk: DiskEntry
    run: RunEntry
    serial: SerialEntry


@dataclass(frozen=True)
class CargoBuild:
    """One `cargo build`: packages, arguments, and sources."""

    packages: tuple[str, ...]
    binary: str | None  # one binary of one package; None: all binaries of the packages
    sources: tuple[str, ...]
    arguments: tuple[str, ...]
    rustflags: tuple[str, ...]
    targets: dict[str, str]


@dataclass(frozen=True)
class FeatureSet:
    """One build of the kernel: its Cargo features, and the required end of its boot.

    `expected` and `cause_contains` (a text that the verdict's cause must contain) are by architecture; `kind`
    is what the kernel does when it boots.
    """

    features: tuple[str, ...]
    expected: dict[str, Verdict]
    cause_contains: dict[str, str]
    kind: RunKind = RunKind.PROGRAM


@dataclass(frozen=True)
class Disk:
    """The size of the ext2 image, and its content besides the programs."""

    size_mib: int
    programs: PurePosixPath
    copies: dict[PurePosixPath, str]  # path → program name
    files: dict[PurePosixPath, bytes]
    executables: dict[PurePosixPath, bytes]
    folders: tuple[PurePosixPath, ...]  # folders that exist even if they are empty
    links: dict[PurePosixPath, str]  # symbolic link → target


@dataclass(frozen=True)
class Run:
    """How guests are started."""

    suite: str
    features: str
    command_line: str
    boot_program: str
    machines: dict[str, str]
    uefi: dict[str, str]


@dataclass(frozen=True)
class Tree:
    """A kernel tree, as its file describes it."""

    name: str
    root: Path
    kernel: CargoBuild
    feature_sets: dict[str, FeatureSet]
    planted_faults: tuple[str, ...]
    thread_faults: tuple[str, ...]
    programs: CargoBuild
    disk: Disk
    run: Run
    panic_patterns: tuple[str, ...]

    @property
    def archs(self) -> tuple[str, ...]:
        """The architectures this tree is built and run for, in the order of the file."""
        return tuple(self.run.machines)

    def command_line(self, program: str) -> str:
        """The kernel's command line that makes a program PID 1."""
        return self.run.command_line.replace(PROGRAM, program)


def load(path: Path) -> Tree:
    """Reads a tree's YAML.

    Raises:
        UserError: with file and line, if the file does not match the model.
    """
    file = yamlfile.load(path, TreeFile)
    given = file.value
    kernel, programs, run = given.kernel, given.programs, given.run
    root = (path.parent / given.root).resolve()
    if not root.is_dir():
        raise file.error(f"there is no folder {root}", "root")
    for arch in run.machines:
        file.word("architecture", arch, ARCHITECTURES.values(), "run", "machines", arch)
    for part, targets in (("kernel", kernel.targets), ("programs", programs.targets)):
        for arch in run.machines:
            if arch not in targets:
                raise file.error(f"run.machines names {arch}, but {part}.targets does not", part)
    return Tree(
        name=given.name,
        root=root,
        kernel=_cargo(file, "kernel", kernel, (kernel.package,), kernel.binary),
        feature_sets={name: _feature_set(file, name) for name in kernel.feature_sets},
        planted_faults=_faults(file, PLANTED_FAULTS, kernel.planted_faults),
        thread_faults=_faults(file, THREAD_FAULTS, kernel.thread_faults),
        programs=_cargo(file, "programs", programs, programs.packages, None),
        disk=_disk(file),
        run=_run(file),
        panic_patterns=given.serial.panic,
    )


def _cargo(
    file: Document[TreeFile],
    key: str,
    given: KernelEntry | ProgramsEntry,
    packages: Texts,
    binary: str | None,
) -> CargoBuild:
    for number, source in enumerate(given.sources):
        if PurePosixPath(source).is_absolute() or ".." in PurePosixPath(source).parts:
            raise file.error(f"{source!r} is not below the tree's folder", key, "sources", number)
    return CargoBuild(packages, binary, given.sources, given.arguments, given.rustflags, given.targets)


def _feature_set(file: Document[TreeFile], name: str) -> FeatureSet:
    given, archs = file.value.kernel.feature_sets[name], file.value.run.machines
    where = ("kernel", "feature_sets", name)
    return FeatureSet(
        features=given.features,
        expected=yamlfile.each(file, given.expected, archs, *where, "expected"),
        cause_contains=yamlfile.each(file, given.says, archs, *where, "says")
        if given.says is not None
        else {},
        kind=given.runs,
    )


def _faults(file: Document[TreeFile], key: str, names: Texts | None) -> Texts:
    if names is None:
        return ()
    if PLANTED_FAULTS not in file.value.kernel.feature_sets:
        raise file.error(f"the feature set {PLANTED_FAULTS} is missing", "kernel", key)
    return file.once(names, "kernel", key)


def _disk(file: Document[TreeFile]) -> Disk:
    given = file.value.disk
    files, executables = (
        {_path(file, path, key, path): text.encode() for path, text in some.items()}
        for key, some in (("files", given.files), ("executables", given.executables))
    )
    files |= {
        _path(file, path, "number_files", path): _numbers(count) for path, count in given.number_files.items()
    }
    files |= {
        _path(file, path, "full_folders", path) / f"entry-{number:03}": b""
        for path, count in given.full_folders.items()
        for number in range(count)
    }
    copies = {_path(file, path, "copies", path): name for path, name in given.copies.items()}
    folders = tuple(_path(file, path, "folders", at) for at, path in enumerate(given.folders))
    links = {_path(file, path, "links", path): target for path, target in given.links.items()}
    for path, target in given.links.items():
        if "\0" in target or not 1 <= len(target.encode()) <= LINK_BYTES_MAX:
            message = f"the target of a link expected: 1 to {LINK_BYTES_MAX} bytes without a NUL"
            raise file.error(message, "disk", "links", path)
    for key, some, others in (
        ("executables", executables, {*files}),
        ("folders", folders, {*files, *executables}),
        ("copies", copies, {*files, *executables, *folders}),
        ("links", links, {*files, *executables, *folders, *copies}),
    ):
        if clash := sorted(set(some) & others):
            raise file.error(f"{clash[0]} occurs twice on the disk", "disk", key)
    no_folders = {*files, *executables, *copies, *links}
    for place in (*no_folders, *folders):
        if above := [parent for parent in place.parents if parent in no_folders]:
            raise file.error(f"{place} lies below {above[0]}, which is not a folder", "disk")
    return Disk(
        size_mib=given.size_mib,
        programs=_path(file, given.programs, "programs"),
        copies=copies,
        files=files,
        executables=executables,
        folders=folders,
        links=links,
    )


def _numbers(count: int) -> bytes:
    """The numbers from 0, one per line, in seven digits."""
    # A thousand lines at a time, because every command loads the tree.
    thousand = b"".join(b"----%03d\n" % number for number in range(1000))
    lines = b"".join(thousand.replace(b"----", b"%04d" % high) for high in range(-(-count // 1000)))
    return lines[: count * len(b"0000000\n")]


def _path(file: Document[TreeFile], name: str, *where: str | int) -> PurePosixPath:
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise file.error(f"an absolute path in the guest expected, not {name!r}", "disk", *where)
    return path


def _run(file: Document[TreeFile]) -> Run:
    given = file.value.run
    for arch in given.uefi:
        if arch not in given.machines:
            message = f"unknown key {arch!r}; {yamlfile.nearest(arch, given.machines)}"
            raise file.error(message, "run", "uefi", arch)
    file.word("feature set", given.features, file.value.kernel.feature_sets, "run", "features")
    if PROGRAM not in given.command_line:
        message = f"the command line does not contain {PROGRAM}: all tests would be the same"
        raise file.error(message, "run", "command_line")
    return Run(
        given.suite, given.features, given.command_line, given.boot_program, given.machines, given.uefi
    )
