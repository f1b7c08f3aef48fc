"""A kernel tree as its YAML describes it: what to build, what goes on the disk, how a guest is started.

`trees/NAME.yaml` is a `TreeFile`. `sources` are files, folders ending in `/`, or patterns; they say when two
builds are the same, and a build finds nothing else. Links among them must stay in the tree. A package of
which only the Cargo.toml is named is one that the workspace has and this build does not need. What is given
by architecture is one value for all, or a mapping from architecture to value.
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

PLANTED_FAULTS = "planted_faults"  # the key, and the feature set that knows these names
THREAD_FAULTS = "thread_faults"
LINK_BYTES_MAX = 1023  # of a link's target, which with a NUL fills one block of the image
PROGRAM = "{program}"  # in the kernel's command line: the name of the program that is to be PID 1

Texts = tuple[Text, ...]
SomeTexts = Annotated[Texts, Meta(min_length=1)]
GuestPath = Annotated[str, Meta(pattern=r"^/[^\x00]*$", description="an absolute path in the guest")]
Content = Annotated[str, Meta(max_length=2**20)]
Many = Annotated[int, Meta(ge=1, le=10_000_000)]


class FeatureSetEntry(Model, frozen=True):
    """What the file says of one of the kernel's builds."""

    features: tuple[Name, ...]  # Cargo features
    expected: Verdict | dict[str, Verdict]  # how a boot of it to `boot_program` must end
    says: str | dict[str, str] | None = None  # part of that verdict's cause
    runs: RunKind = RunKind.PROGRAM  # tests, for a kernel that runs tests of its own instead of a program


class KernelEntry(Model, frozen=True):
    """How the kernel is built."""

    package: Name
    binary: Name
    sources: SomeTexts
    arguments: Texts
    rustflags: Texts
    targets: dict[Name, Text]  # architecture → Rust target
    feature_sets: dict[Name, FeatureSetEntry]
    # Names that its command line takes as `fault=NAME` in a build of the feature set "planted_faults".
    planted_faults: tuple[Name, ...] | None = None
    thread_faults: tuple[Name, ...] | None = None  # more, which the stress test of kernel threads must find


class ProgramsEntry(Model, frozen=True):
    """How the user programs are built."""

    packages: Annotated[tuple[Name, ...], Meta(min_length=1)]
    sources: SomeTexts
    arguments: Texts
    rustflags: Texts
    targets: dict[Name, str]


class DiskEntry(Model, frozen=True):
    """What is on the ext2 image."""

    size_mib: Annotated[int, Meta(ge=1, le=4096)]
    programs: GuestPath  # the folder of the programs
    copies: dict[GuestPath, str]  # path → program, for a second place
    files: dict[GuestPath, Content]
    folders: tuple[GuestPath, ...]  # empty or not
    # Path → how many lines, each its number in seven digits.
    number_files: dict[GuestPath, Many] = msgspec.field(default_factory=dict)
    # Path of a folder → how many empty files it has, entry-000 and so on.
    full_folders: dict[GuestPath, Many] = msgspec.field(default_factory=dict)
    # Files that are no programs, with an x bit.
    executables: dict[GuestPath, Content] = msgspec.field(default_factory=dict)
    links: dict[GuestPath, str] = msgspec.field(
        default_factory=dict
    )  # path → target of a symbolic link, whether or not there is such a file


class RunEntry(Model, frozen=True):
    """How guests are started."""

    suite: Name
    features: Name  # the feature set that the suite runs with
    command_line: Text  # PROGRAM in it is replaced
    boot_program: Name
    machines: Annotated[dict[Name, Name], Meta(min_length=1)]  # architecture → machines/NAME.yaml
    # The same of machines with a firmware, for architectures whose kernel is also made into a disk image.
    uefi: dict[Name, Name] = msgspec.field(default_factory=dict)


class SerialEntry(Model, frozen=True):
    """What is known of the console."""

    panic: Texts  # texts that announce a panic


class TreeFile(Model, frozen=True):
    """A kernel tree."""

    name: Name
    root: Text  # the tree's folder, relative to this file
    kernel: KernelEntry
    programs: ProgramsEntry
    disk: DiskEntry
    run: RunEntry
    serial: SerialEntry


@dataclass(frozen=True)
class CargoBuild:
    """One `cargo build`: what of the workspace, with which arguments, from which sources."""

    packages: tuple[str, ...]
    binary: str | None  # one binary of one package; None: all binaries of the packages
    sources: tuple[str, ...]
    arguments: tuple[str, ...]
    rustflags: tuple[str, ...]
    targets: dict[str, str]


@dataclass(frozen=True)
class FeatureSet:
    """One of the kernel's builds: the Cargo features it is made with, and how its boot must end.

    `expected` and `says`, a part of the cause that the verdict must have, are by architecture; `kind` is what
    such a kernel does when it boots.
    """

    features: tuple[str, ...]
    expected: dict[str, Verdict]
    says: dict[str, str]
    kind: RunKind = RunKind.PROGRAM


@dataclass(frozen=True)
class Disk:
    """What the ext2 image holds besides the programs, and how large it is."""

    size_mib: int
    programs: PurePosixPath
    copies: dict[PurePosixPath, str]  # of programs, by name
    files: dict[PurePosixPath, bytes]
    executables: dict[PurePosixPath, bytes]
    folders: tuple[PurePosixPath, ...]  # those that need to be there even if nothing is in them
    links: dict[PurePosixPath, str]  # symbolic ones, and their targets


@dataclass(frozen=True)
class Run:
    """How a test becomes a guest."""

    suite: str
    features: str
    command_line: str
    boot_program: str
    machines: dict[str, str]
    uefi: dict[str, str]


@dataclass(frozen=True)
class Tree:
    """A kernel tree."""

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
        UserError: with file and line, for anything that is not as described above.
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
        says=yamlfile.each(file, given.says, archs, *where, "says") if given.says is not None else {},
        kind=given.runs,
    )


def _faults(file: Document[TreeFile], key: str, names: Texts | None) -> Texts:
    if names is None:
        return ()
    if PLANTED_FAULTS not in file.value.kernel.feature_sets:
        raise file.error(f"there is no feature set {PLANTED_FAULTS} to plant them", "kernel", key)
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
            raise file.error(f"{clash[0]} is there already", "disk", key)
    no_folders = {*files, *executables, *copies, *links}
    for place in (*no_folders, *folders):
        if above := [parent for parent in place.parents if parent in no_folders]:
            raise file.error(f"{place} lies below {above[0]}, which is no folder", "disk")
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
    return b"".join(b"%07d\n" % number for number in range(count))


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
        message = f"the command line does not say {PROGRAM}: every test would be the same"
        raise file.error(message, "run", "command_line")
    return Run(
        given.suite, given.features, given.command_line, given.boot_program, given.machines, given.uefi
    )
