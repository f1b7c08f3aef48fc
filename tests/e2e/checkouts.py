"""Copies of this checkout in which commands are run as people run them: as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOIT = Path(sys.executable).parent / "doit"
SKIPPED = shutil.ignore_patterns(".venv", "build", ".git", "*.egg-info", ".*_cache", "__pycache__", "target")
CHECKS = shutil.ignore_patterns("check", "fetch")  # of a compiler's cache, what no build needs


@dataclass(frozen=True)
class Checkout:
    """One copy, and the store that its commands use."""

    root: Path
    cache: Path

    @classmethod
    def copied(cls, folder: Path, cache: Path, *, seeded: bool = False) -> Checkout:
        """A new copy below `folder`; `seeded`: with the compiler's cache of this one, where it has any."""
        copy = cls(Path(shutil.copytree(ROOT, folder / "checkout", ignore=SKIPPED)), cache)
        cargo = Path("build", "cargo")
        if seeded and (ROOT / cargo).is_dir():
            shutil.copytree(ROOT / cargo, copy.root / cargo, symlinks=True, ignore=CHECKS)
        return copy

    def doit(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs doit there to its end, without a terminal."""
        return subprocess.run(
            [str(DOIT), *words], cwd=self.root, env=self._env(), capture_output=True, text=True, check=False
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Starts doit there; its words are to be read from its standard output."""
        return subprocess.Popen(
            [str(DOIT), *words],
            cwd=self.root,
            env=self._env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _env(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.root), "PARITY_CACHE": str(self.cache)}

    def says(self, *words: str) -> str:
        """What a command prints that must end with 0."""
        done = self.doit(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def row(self, test: str) -> dict[str, Any]:
        """A test's row in the last report."""
        rows = json.loads((self.root / "build" / "report" / "results.json").read_text())["tests"]
        (row,) = [row for row in rows if row["name"] == test]
        return dict(row)
