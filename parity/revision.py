"""Another commit of a checkout: its name resolved, its files in a folder of their own.

The files come straight from Git's objects through an index of their own: the repository learns nothing of the
folder, so whatever ends the command leaves nothing in it, and its own index and files are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parity import command
from parity.errors import MachineError, UserError


@dataclass(frozen=True)
class Revision:
    """A commit, and what the user called it."""

    name: str
    commit: str  # 40 hexadecimal digits, or 64

    def __str__(self) -> str:
        return self.name if self.commit.startswith(self.name) else f"{self.name} ({self.commit[:12]})"


def resolve(root: Path, name: str) -> Revision:
    """The commit that a name stands for in the checkout at `root`.

    Raises:
        UserError: there is no such commit, or `root` is no checkout of Git.
        MachineError: no Git on this machine.
    """
    if not command.present("git"):
        raise MachineError("comparing with another commit needs git", hint="install the package git")
    inside, complaint = _git(root, "rev-parse", "--git-dir")
    if inside != 0:
        raise UserError(f"{root} is no checkout of Git: {complaint}")
    status, found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if status != 0 or not name:
        _, shallow = _git(root, "rev-parse", "--is-shallow-repository")
        if shallow == "true":
            hint = "Fetch what is missing: git fetch --unshallow"
            raise UserError(f"there is no commit {name!r} in this checkout, a shallow clone", hint)
        raise UserError(f"there is no commit {name!r} in this checkout")
    return Revision(name, found)


def check_out(root: Path, revision: Revision, folder: Path) -> None:
    """Puts the files of a commit into `folder`, made if need be.

    Raises:
        MachineError: Git cannot do it, as on a full disk.
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
