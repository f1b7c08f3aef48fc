"""The command as a process, in a copy of this checkout, on the session's store or a new one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.core import host, lock
from parity.docker import images
from parity.store.stage_history import History
from parity.store.store import Store, action_key

ROOT = Path(__file__).parent.parent.parent
DOIT = Path(sys.executable).parent / "doit"
BUILD = "build"
SKIPPED = (".venv", BUILD, ".git", "*.egg-info", ".*_cache", "__pycache__", "target")
CARGO = Path("build", "cargo")
COMPILED = {"kernel": "build_kernel:aarch64-testing", "programs": "userspace:aarch64"}
# The first word of a title → the stage in the store.
STAGES = {"kernel": "cargo", "userspace": "cargo", "programs": "loadable", "disk": "disk"}


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What is made and no source; `build` only at the top, for the library has a folder of that name."""
    skipped = SKIPPED if Path(folder) == ROOT else tuple(name for name in SKIPPED if name != BUILD)
    return set(shutil.ignore_patterns(*skipped)(folder, names))


@dataclass(frozen=True)
class Checkout:
    """A copy of this checkout, without what was built in it, and the store that its commands use."""

    folder: Path
    cache: Path

    @classmethod
    def copy(cls, folder: Path, cache: Path) -> Checkout:
        """A new copy in `folder`."""
        shutil.copytree(ROOT, folder, ignore=_left_out)
        return cls(folder, cache)

    def environment(self, **extra: str) -> dict[str, str]:
        """What commands here run with."""
        return {**os.environ, "PYTHONPATH": str(self.folder), "PARITY_CACHE": str(self.cache), **extra}

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """Starts doit as a terminal would: in a process group of its own, output in one stream."""
        return subprocess.Popen(
            [str(DOIT), *words],
            cwd=self.folder,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
            # Ignored in what a shell starts in the background, and inherited from there.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def doit(self, *words: str, **extra: str) -> tuple[int, str]:
        """Runs doit to its end; status and output."""
        process = self.start(*words, **extra)
        output, _ = process.communicate()
        return process.returncode, output

    def says(self, *words: str, **extra: str) -> str:
        """What a command prints that must end with 0."""
        status, output = self.doit(*words, **extra)
        assert status == 0, output
        return output

    def replace(self, file: str, old: str, new: str) -> None:
        """Changes a file that is sure to hold the text."""
        place = self.folder / file
        text = place.read_text(encoding="utf-8")
        assert old in text
        place.write_text(text.replace(old, new, 1), encoding="utf-8")

    def rows(self, arch: str = "aarch64") -> list[dict[str, Any]]:
        """An architecture's rows in the last results."""
        tests = json.loads((self.folder / "build" / "report" / "results.json").read_text())["tests"]
        return [test for test in tests if test["arch"] == arch]

    def row(self, test: str, arch: str = "aarch64") -> dict[str, Any]:
        """A test's row among them."""
        (row,) = [row for row in self.rows(arch) if row["name"] == test]
        return row

    def verdicts(self, arch: str = "aarch64") -> dict[str, str]:
        """The verdicts in them by name."""
        rows = self.rows(arch)
        verdicts = {row["name"]: row["verdict"] for row in rows}
        assert len(verdicts) == len(rows)
        return verdicts

    def take_compiled(self, here: Checkout, *parts: str) -> None:
        """Takes over what cargo has compiled in the session's checkout, once; parts as in COMPILED.

        For a new store. The session's store has others' crates, compiled
        (parity/build/cargo_cache.py); only the tree's own packages take time.
        """
        for part in parts:
            compiled = here.folder / CARGO / part
            if not compiled.is_dir():  # the store knew all
                here.says("forget", COMPILED[part])
                here.says(COMPILED[part])
            with lock.held(compiled / ".parity.lock"):  # another process may compile there
                shutil.copytree(compiled, self.folder / CARGO / part, symlinks=True)

    def take_crates(self) -> None:
        """Takes over the crates that the session's store has fetched."""
        shutil.copytree(host.cache_dir() / "cargo", self.cache / "cargo", symlinks=True)

    def take_made(self, *tasks: str) -> None:
        """Takes over from the session's store what these tasks give, but nothing that was seen of guests."""
        theirs = Checkout(self.folder, host.cache_dir())
        theirs.says(*tasks)
        history = History(self.folder / "build")
        here, there = Store(self.cache), Store(theirs.cache)
        for file in history.folder.glob("*.json"):
            made = json.loads(file.read_text())
            stage = STAGES.get(made["title"].split()[0])
            if stage is None:  # of a tool image
                continue
            key = action_key(stage, made["inputs"])
            outputs, complaint = there.lookup(key)
            assert outputs is not None, complaint
            for digest in outputs.files.values():
                here.put(there.local(digest))
            here.record(key, stage, outputs)


def assert_told(status: int, output: str, *words: str) -> None:
    """A fault of the machine, as it is told: status 2, and one message with these words."""
    assert status == 2, output
    assert sum(line.startswith("error: ") for line in output.splitlines()) == 1, output
    assert "a bug in Parity" not in output and "Traceback" not in output, output
    for word in words:
        assert word in output, output


def image_from(tag: str, steps: str) -> str:
    """A Dockerfile for a tool image that has all of another one, and more steps."""
    return f"ARG ROOTFS\nFROM {tag}\n{steps}"


def dockerfile(role: str) -> Path:
    """The Dockerfile of a role in a checkout."""
    return images.DOCKER / role / "Dockerfile"
