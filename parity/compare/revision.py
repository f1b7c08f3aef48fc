"""Resolves another commit of a checkout, and checks it out into a separate folder.

The files come from Git's objects through a separate index. The repository does not know the folder, so a
killed command leaves no trace in it, and the checkout's own index and files do not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parity.core import command
from parity.core.errors import MachineError, UserError


@dataclass(frozen=True)
class Revision:
    """A commit, and the user's name for it."""

    name: str
    commit: str  # 40 hexadecimal digits, or 64

    def __str__(self) -> str:
        return self.name if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:12]})"


def resolve(root: Path, name: str) -> Revision:
    """Resolves the name of a commit in the checkout at `root`.

    Raises:
        UserError: there is no such commit, or `root` is no Git checkout.
        MachineError: Git is not installed.
    """
    if not command.present("git"):
        raise MachineError("comparing with another commit needs git", hint="install the package git")
    inside, complaint = _git(root, "rev-parse", "--git-dir")
    if inside != 0:
        raise UserError(f"{root} is no Git checkout: {complaint}")
    status, found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if status != 0 or not name:
        _, shallow = _git(root, "rev-parse", "--is-shallow-repository")
        if shallow == "true":
            hint = "Fetch the missing commits: git fetch --unshallow"
            raise UserError(f"there is no commit {name!r} in this checkout, a shallow clone", hint)
        raise UserError(f"there is no commit {name!r} in this checkout")
    return Revision(name, found)


def check_out(root: Path, revision: Revision, folder: Path) -> None:
    """Writes the files of a commit to `folder`; makes the folder if necessary.

    Raises:
        MachineError: Git fails, for example on a full disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder.with_name(f"{folder.name}.index")
    for arguments in (("read-tree", revision.commit), ("checkout-index", "--all", f"--prefix={folder}/")):
        status, said = _git(root, *arguments, index=index)
        if status != 0:
            raise MachineError(f"the files of {revision} cannot be checked out: {said}")
    index.unlink()


def _git(root: Path, *arguments: str, index: Path | None = None) -> tuple[int, str]:
    lines: list[str] = []
    env = {"LC_ALL": "C"} if index is None else {"LC_ALL": "C", "GIT_INDEX_FILE": str(index)}
    status = command.run(["git", "-C", str(root), *arguments], lines.append, env=env)
    return status, "\n".join(lines)
