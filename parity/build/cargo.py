"""Runs Cargo in the toolchain's container without network, and reads its messages.

A program of the tree can print messages that look like Cargo's. So each message is checked before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from parity.build import jail, sources
from parity.build.beneath import Folder
from parity.build.workspace import Workspace
from parity.core.errors import BuildError
from parity.docker.attached import Stream
from parity.docker.engine import Mount, OnLine

SOURCE, TARGET, HOME = sources.INSIDE, "/target", "/cargo"
UNPACKED = f"{HOME}/registry/src"  # in memory: Cargo unpacks the verified crates for each build
UNPACKED_MIB = 2048
FETCHED = ("registry/cache", "registry/index", "git")  # folders of Cargo's home that a compilation reads
RELEASE = "release"
ENVIRONMENT = {
    "CARGO_HOME": HOME,
    "CARGO_TARGET_DIR": TARGET,
    "CARGO_TERM_COLOR": "never",
    "CARGO_INCREMENTAL": "0",
    # Debian's compiler has the standard library only for its host. For other targets, core and alloc are
    # built from source, which a stable compiler does only with this.
    "RUSTC_BOOTSTRAP": "1",
}
UNPRINTABLE = re.compile(r"[^\t\x20-\x7e\xa0-\U0010ffff]")


class Program(msgspec.Struct):
    """The Cargo target that a message is about."""

    name: str


class Message(msgspec.Struct):
    """One of Cargo's JSON messages, which are documented with `cargo build`."""

    reason: str
    package_id: str = ""
    target: Program | None = None
    filenames: tuple[str, ...] = ()
    executable: str | None = None
    out_dir: str | None = None


class Heard:
    """Collects the output of a running Cargo: its messages, and all other lines as diagnostics.

    It is the `on_line` of `run`. The user sees the diagnostics that begin with `shown`.
    """

    def __init__(self, space: Workspace, shown: str = "") -> None:
        self.messages: list[Message] = []
        self.diagnostics: list[str] = []
        self._space, self._shown = space, shown
        self._size = 0

    def __call__(self, stream: Stream, line: str) -> None:
        """Takes a line.

        Raises:
            BuildError: the output is too long.
        """
        self._size += len(line) + 1
        if self._size > jail.OUTPUT_MIB * jail.MIB:
            raise BuildError(f"the build was ended: it prints more than {jail.OUTPUT_MIB} MiB")
        if stream == "stdout" and line.startswith("{"):
            try:
                self.messages.append(msgspec.json.decode(line, type=Message))
                return
            except (msgspec.DecodeError, RecursionError):
                pass  # not a message of Cargo
        text = UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", line)
        self.diagnostics.append(text)
        if text.strip().startswith(self._shown):
            self._space.screen.say(text.strip())


def run(
    space: Workspace,
    source: Path,
    command: Sequence[str],
    *,
    target: Path,
    rustflags: Sequence[str] = (),
    role: str = "toolchain",
    extra_mounts: Sequence[Mount] = (),
    extra_env: Mapping[str, str] | None = None,
    time_s: float | None = None,
    on_line: OnLine,
) -> int:
    """Runs cargo on the tree in the folder `source`; returns its exit status.

    `target` is Cargo's target folder on the host; `rustflags` apply to what is built for the guest. Of its
    home, Cargo sees only the fetched crates. If the build exceeds a limit, the target folder is emptied.
    `role` is the role of the tool image; `time_s` is the time limit in seconds; None: that of a build.

    Raises:
        BuildError: the build exceeds a limit.
        MachineError: Docker refuses.
    """
    folder = shared(space, target)
    watch = jail.Watch(folder, jail.limits(), time_s or jail.TIME_S)
    try:
        return space.engine.run_tool(
            space.image(role).id,
            ["cargo", *command],
            mounts=[
                Mount(source, SOURCE),
                Mount(target, TARGET, read_only=False),
                *crates(space),
                *extra_mounts,
            ],
            tmpfs_mib={UNPACKED: UNPACKED_MIB},
            env={
                **ENVIRONMENT,
                "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags(rustflags)),
                **(extra_env or {}),
            },
            user=space.engine.untrusted_user(),
            workdir=SOURCE,
            on_line=on_line,
            limits=watch.limits,
            watch=watch,
            timeout_s=2 * watch.time_s,
        ).status
    except BuildError:
        folder.clear()
        raise


def crates(space: Workspace) -> list[Mount]:
    """The fetched crates, read-only."""
    home = space.cache / "cargo"
    for name in FETCHED:
        (home / name).mkdir(parents=True, exist_ok=True)
    return [Mount(home / name, f"{HOME}/{name}") for name in FETCHED]


def shared(space: Workspace, target: Path) -> Folder:
    """The target folder; created if missing, and writable for the user that runs builds."""
    target.mkdir(parents=True, exist_ok=True)
    folder, user = Folder(target), space.engine.untrusted_user()
    if user != space.engine.calling_user():
        uid, gid = map(int, user.split(":"))
        folder.give(uid, gid)
    return folder


def flags(rustflags: Sequence[str]) -> list[str]:
    """The compiler's flags for all that is built for the guest."""
    return [*rustflags, f"--remap-path-prefix={SOURCE}/=", f"--remap-path-prefix={UNPACKED}=crates"]


def target_folder(target: str) -> str:
    """The folder of Cargo's outputs for a target; `target` is a name or the path of a JSON file."""
    return PurePosixPath(target).stem if target.endswith(".json") else target


def executables(messages: Iterable[Message], target: str) -> dict[str, str]:
    """The programs that the messages name: name → path below the target folder.

    Raises:
        BuildError: a program is not where Cargo puts programs for that target.
    """
    folder = f"{target_folder(target)}/{RELEASE}"
    found = dict[str, str]()
    for message in messages:
        if message.executable is None or message.target is None:
            continue
        name, path = message.target.name, f"{folder}/{PurePosixPath(message.executable).name}"
        known = re.fullmatch(r"\w[\w-]*", name) and re.fullmatch(
            rf"{re.escape(folder)}/{re.escape(name)}(\.\w+)?", path
        )
        if not known or message.executable != f"{TARGET}/{path}" or found.setdefault(name, path) != path:
            raise BuildError(
                f"a program of the build is not where Cargo puts it: {message.executable!r}",
                "Parity reads Cargo's messages from its output; does a build script write to this output?",
            )
    return found


def ids(messages: Iterable[Message]) -> Mapping[str, list[str]]:
    """The paths of built files, by the id of their package."""
    found = dict[str, list[str]]()
    for message in messages:
        places = [*message.filenames, *([message.out_dir] if message.out_dir else [])]
        found.setdefault(message.package_id, []).extend(places)
    return found
