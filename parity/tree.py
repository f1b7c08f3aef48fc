"""A kernel tree as its YAML describes it: what to build, what goes on the disk, how a guest is started.

Keys of `trees/NAME.yaml`:

    name            shown in reports
    root            the tree's folder, relative to the YAML file
    kernel          package, binary, sources, arguments, rustflags, targets (architecture → Rust target),
                    feature_sets (name → features: Cargo features, expected: the verdict that a boot of it to
                    `boot_program` earns, says: part of that verdict's cause, optional; either may be one for
                    all architectures, or a mapping from architecture; runs: tests, for a kernel that runs
                    tests of its own instead of a program), planted_faults (names that its
                    command line takes as `fault=NAME` in a build of the feature set "planted_faults";
                    optional), thread_faults (more of them, which the stress test of kernel threads must
                    find; optional)
    programs        packages, sources, arguments, rustflags, targets
    disk            size_mib, programs (folder of the programs), copies (path → program, for a second place),
                    files (path → content), executables (the same, with an x bit, of what is no program;
                    optional), folders (paths, empty or not), links (path → target of a symbolic link, whether
                    or not there is such a file; optional)
    run             suite, features (feature set the suite runs with), command_line ("{program}" is replaced),
                    boot_program, machines (architecture → machines/NAME.yaml), uefi (the same of those with
                    a firmware, for architectures whose kernel is also made into a disk image; optional)
    serial          panic: texts of the console that announce a panic

`sources` are files, folders ending in `/`, or patterns; they say when two builds are the same, and a build
finds nothing else. Links among them must stay in the tree. A package of which only the Cargo.toml is named is
one that the workspace has and this build does not need.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from parity import yamlfile
from parity.machine import RunKind
from parity.verdict import Verdict
from parity.yamlfile import Mapping, Node, nearest

CARGO_KEYS = ("sources", "arguments", "rustflags", "targets")
KERNEL_KEYS = ("package", "binary", "feature_sets", *CARGO_KEYS)
FEATURE_SET_KEYS = ("features", "expected", "says", "runs")
PLANTED_FAULTS = "planted_faults"  # the key, and the feature set that knows these names
THREAD_FAULTS = "thread_faults"
PROGRAM_KEYS = ("packages", *CARGO_KEYS)
DISK_KEYS = ("size_mib", "programs", "copies", "files", "folders")
OPTIONAL_DISK_KEYS = ("executables", "links")
LINK_BYTES_MAX = 1023  # of a link's target, which with a NUL fills one block of the image
RUN_KEYS = ("suite", "features", "command_line", "boot_program", "machines", "uefi")
OPTIONAL_RUN_KEYS = ("uefi",)


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


def load(path: Path) -> Tree:
    """Reads a tree's YAML.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    top = yamlfile.load(path).mapping(
        known := ("name", "root", "kernel", "programs", "disk", "run", "serial"), required=known
    )
    root = (path.parent / top["root"].text()).resolve()
    if not root.is_dir():
        raise top["root"].error(f"there is no folder {root}")
    kernel = top["kernel"].mapping((*KERNEL_KEYS, PLANTED_FAULTS, THREAD_FAULTS), required=KERNEL_KEYS)
    programs = top["programs"].mapping(PROGRAM_KEYS, required=PROGRAM_KEYS)
    archs = [arch for arch, _ in _machines(top["run"])]
    feature_sets = {name: _feature_set(node, archs) for name, node in kernel["feature_sets"].mapping()}
    tree = Tree(
        name=top["name"].text(),
        root=root,
        kernel=_cargo(kernel, (kernel["package"].text(),), kernel["binary"].text()),
        feature_sets=feature_sets,
        planted_faults=_faults(kernel, PLANTED_FAULTS, feature_sets),
        thread_faults=_faults(kernel, THREAD_FAULTS, feature_sets),
        programs=_cargo(programs, programs["packages"].texts(), None),
        disk=_disk(top["disk"]),
        run=_run(top["run"], feature_sets),
        panic_patterns=top["serial"].mapping(("panic",), required=("panic",))["panic"].texts(),
    )
    for arch in tree.archs:
        for part, build in (("kernel", tree.kernel), ("programs", tree.programs)):
            if arch not in build.targets:
                raise top[part].error(f"run.machines names {arch}, but {part}.targets does not")
    return tree


def _feature_set(node: Node, archs: Sequence[str]) -> FeatureSet:
    feature_set = node.mapping(FEATURE_SET_KEYS, required=("features", "expected"))
    expected, says = feature_set["expected"].each(archs), feature_set.get("says")
    runs = feature_set.get("runs")
    return FeatureSet(
        features=feature_set["features"].texts(),
        expected={arch: Verdict(value.one_of("verdict", Verdict)) for arch, value in expected.items()},
        says={arch: value.text() for arch, value in says.each(archs).items()} if says else {},
        kind=RunKind(runs.one_of("kind of run", RunKind)) if runs else RunKind.PROGRAM,
    )


def _faults(kernel: Mapping, key: str, feature_sets: Container[str]) -> tuple[str, ...]:
    node = kernel.get(key)
    if node is None:
        return ()
    names = node.texts()
    if PLANTED_FAULTS not in feature_sets:
        raise node.error(f"there is no feature set {PLANTED_FAULTS} to plant them")
    if twice := [name for name in names if names.count(name) > 1]:
        raise node.error(f"{twice[0]!r} stands here twice")
    return names


def _cargo(node: Mapping, packages: tuple[str, ...], binary: str | None) -> CargoBuild:
    sources = node["sources"].texts()
    if outside := [name for name in sources if PurePosixPath(name).is_absolute() or ".." in Path(name).parts]:
        raise node["sources"].error(f"{outside[0]!r} is not below the tree's folder")
    return CargoBuild(
        packages=packages,
        binary=binary,
        sources=sources,
        arguments=node["arguments"].texts(),
        rustflags=node["rustflags"].texts(),
        targets={arch: target.text() for arch, target in node["targets"].mapping()},
    )


def _disk(node: Node) -> Disk:
    disk = node.mapping((*DISK_KEYS, *OPTIONAL_DISK_KEYS), required=DISK_KEYS)
    files = _files(disk["files"])
    executables = _files(disk["executables"]) if "executables" in disk else {}
    copies = {_absolute(name, program): program.text() for name, program in disk["copies"].mapping()}
    folders = tuple(_absolute(name, disk["folders"]) for name in disk["folders"].texts())
    targets = disk["links"].mapping() if "links" in disk else ()
    links = {_absolute(name, target): _target(target) for name, target in targets}
    if clash := sorted(files.keys() & executables.keys()):
        raise disk["executables"].error(f"{clash[0]} is a file already")
    if clash := sorted(set(folders) & (files.keys() | executables.keys())):
        raise disk["folders"].error(f"{clash[0]} is a file already")
    if clash := sorted(set(copies) & (files.keys() | executables.keys() | set(folders))):
        raise disk["copies"].error(f"{clash[0]} is a file or folder already")
    if clash := sorted(set(links) & {*files, *executables, *folders, *copies}):
        raise disk["links"].error(f"{clash[0]} is a file, folder or copy already")
    no_folders = {*files, *executables, *copies, *links}
    for path in (*no_folders, *folders):
        if above := [parent for parent in path.parents if parent in no_folders]:
            raise node.error(f"{path} lies below {above[0]}, which is no folder")
    return Disk(
        size_mib=disk["size_mib"].integer(least=1),
        programs=_absolute(disk["programs"].text(), disk["programs"]),
        copies=copies,
        files=files,
        executables=executables,
        folders=folders,
        links=links,
    )


def _target(node: Node) -> str:
    """Where a symbolic link leads."""
    target = node.text()
    if "\0" in target or not 1 <= len(target.encode()) <= LINK_BYTES_MAX:
        raise node.error(f"the target of a link expected: 1 to {LINK_BYTES_MAX} bytes without a NUL")
    return target


def _files(node: Node) -> dict[PurePosixPath, bytes]:
    return {_absolute(name, content): content.text().encode() for name, content in node.mapping()}


def _absolute(name: str, node: Node) -> PurePosixPath:
    path = PurePosixPath(name)
    if not path.is_absolute() or ".." in path.parts:
        raise node.error(f"an absolute path in the guest expected, not {name!r}")
    return path


def _machines(run: Node) -> Mapping:
    node = _run_mapping(run)["machines"]
    machines = node.mapping()
    if not machines.entries:
        raise node.error("a tree without an architecture: nothing would ever run")
    return machines


def _run_mapping(run: Node) -> Mapping:
    return run.mapping(RUN_KEYS, required=[key for key in RUN_KEYS if key not in OPTIONAL_RUN_KEYS])


def _run(node: Node, feature_sets: dict[str, FeatureSet]) -> Run:
    run, machines = _run_mapping(node), _machines(node)
    uefi = run["uefi"].mapping(machines.entries) if "uefi" in run else ()
    features = run["features"].text()
    if features not in feature_sets:
        raise run["features"].error(f"no feature set {features!r}; {nearest(features, feature_sets)}")
    if "{program}" not in run["command_line"].text():
        raise run["command_line"].error(
            "the command line does not say {program}: every test would be the same"
        )
    return Run(
        suite=run["suite"].text(),
        features=features,
        command_line=run["command_line"].text(),
        boot_program=run["boot_program"].text(),
        machines={arch: machine.text() for arch, machine in machines},
        uefi={arch: machine.text() for arch, machine in uefi},
    )
