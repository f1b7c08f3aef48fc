"""The 20 moments at which commands are interrupted: 3 while tool images are made, 17 while they are there.

One lane: however fast the host, the last guests run long after the first have ended.

A moment is recognised by what the command has said, which containers it has, what lies in its store; then it
may last, and the signal comes somewhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from checkout import Checkout
from waiting import Mine

SUITE = ("test_aarch64",)
ONE_LANE = ("lanes=1", *SUITE)
STRESS = ("lanes=1", "arch=aarch64", "kthread_parallel:12")


@dataclass(frozen=True)
class Snapshot:
    """A command at work, as it can be seen from outside."""

    checkout: Checkout
    mine: Mine
    said: Callable[[], str]

    def says(self, pattern: str) -> bool:
        """Whether a line of the output matches."""
        return re.search(pattern, self.said(), re.MULTILINE) is not None

    def runs(self, *words: str) -> bool:
        """Whether a container of the command runs something with all of these words in it."""
        return any(all(word in line for word in words) for line in self.mine.commands())

    def stored(self, pattern: str) -> list[Path]:
        """What lies in the store's folder."""
        return list(self.checkout.cache.glob(pattern))

    def filled(self, pattern: str) -> bool:
        """Whether a file with content lies there, of files that come and go while they are looked at."""
        try:
            return any(file.stat().st_size for file in self.stored(pattern))
        except FileNotFoundError:
            return False

    def built(self, pattern: str) -> list[Path]:
        """What lies in the checkout's build folder."""
        return list((self.checkout.folder / "build").glob(pattern))


@dataclass(frozen=True)
class Moment:
    """When to interrupt which command.

    `lasts_s` is how long after `come` the signal may still be sent; `crates`, `kernel` and `programs` say
    whether these are there, so that not all commands have to fetch and compile all.
    """

    name: str
    come: Callable[[Snapshot], bool]
    words: tuple[str, ...] = SUITE
    lasts_s: float = 0.0
    crates: bool = True
    kernel: bool = True
    programs: bool = True
    base: bool = False  # the tool images start from a Debian that has to be bootstrapped
    image: bool = False  # the image qemu has to be made
    in_ci: bool = False


def importing(scene: Snapshot) -> bool:
    """The archive is whole, and what it was made of is gone: Docker reads it."""
    return bool(scene.stored("tmp/*/rootfs.tar")) and not scene.stored("tmp/*/mmdebstrap*")


MOMENTS = [
    Moment("Debian is bootstrapped", lambda s: bool(s.stored("tmp/*/mmdebstrap*/usr/bin/dpkg")), lasts_s=5,
           base=True),
    Moment("Debian is imported", importing, base=True),
    Moment("an image is built", lambda s: s.mine.builds(), lasts_s=1, image=True, in_ci=True),
    Moment("the store is opened", lambda s: bool(s.stored("tmp/*"))),
    Moment("crates are asked for", lambda s: s.runs("cargo fetch"), lasts_s=2, crates=False),
    Moment("crates come", lambda s: len(s.stored("cargo/registry/cache/*/*.crate")) > 4, crates=False),
    Moment("programs compile", lambda s: s.runs("cargo build", "userspace-bin"), lasts_s=20, programs=False),
    Moment("a kernel compiles", lambda s: s.runs("cargo build", "parity-kernel"), lasts_s=20, kernel=False),
    Moment("the first blob is stored", lambda s: bool(s.stored("blobs/*/*"))),
    Moment("the first action is recorded", lambda s: bool(s.stored("actions/*/*.json"))),
    Moment("the programs are stored", lambda s: len(s.stored("blobs/*/*")) > 10),
    Moment("disks are formatted", lambda s: s.runs("mke2fs")),
    Moment("half of the disks are recorded", lambda s: len(s.stored("actions/*/*.json")) > 12),
    Moment("lanes open", lambda s: s.mine.lanes() > 0),
    Moment("the first guests boot", lambda s: s.filled("tmp/*/*.jsonl")),
    Moment("half of the guests have ended", lambda s: s.says("^12/"), ONE_LANE, lasts_s=1, in_ci=True),
    Moment("all guests have ended", lambda s: s.says(r"^(\d+)/\1 ")),
    Moment("reports are written", lambda s: bool(s.built("report/results.json"))),
    Moment("kernel threads are stressed", lambda s: s.says("^2/"), STRESS, lasts_s=1, in_ci=True),
    Moment("canaries run", lambda s: s.mine.lanes() > 0, ("arch=aarch64", "canaries"), lasts_s=5),
]  # fmt: skip
