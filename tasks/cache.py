"""The store: its size, the removal of old blobs, and `doit forget`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from doit.cmd_forget import Forget as DoitForget
from doit.exceptions import InvalidCommand

from parity.store import eviction, lease
from tasks import ends
from tasks.session import current, task

GIB = 2**30
HOUR_S, DAY_S = 3600, 86400


class Forget(ends.Guarded, DoitForget):  # type: ignore[misc]  # doit carries no types
    """doit's forget, for the store: only the actions of the selected tasks run again next time."""

    def _execute(self, forget_sub: bool, forget_disable_default: bool, forget_all: bool) -> None:
        """See doit."""
        tasks = {each.name: each for each in self.task_list}
        named = [] if self.sel_default_tasks else list(self.sel_tasks)
        words = list(filter(_listed, tasks)) if forget_all else named
        if not words:
            raise InvalidCommand("which task? (--all: every one)")
        chosen = [name for name in tasks if any(fnmatchcase(name, word) for word in words)]
        for name in chosen:  # the loop appends to it
            more = [dep for dep in tasks[name].task_dep if forget_sub or tasks[dep].subtask_of == name]
            chosen += [dep for dep in more if dep not in chosen]
        for name in chosen:
            stages = tasks[name].meta["stages"] if tasks[name].meta else []
            for stage in stages:
                current().space.history.forget(stage)
            self.outstream.write(
                f"forgetting {name}" + ("" if stages else ": it has no stored result") + "\n"
            )


def _listed(name: str) -> bool:
    """Whether `doit list` shows a task: not the batch steps, of which nothing is stored."""
    return not name.startswith("_")


def task_gc() -> Any:
    """Show size and age of the store; remove the least recently used blobs above limit="""
    return task("gc", str(task_gc.__doc__), gc)


def gc() -> None:
    """Prints sizes and ages; removes blobs above the limit that no running command uses."""
    session = current()
    root, limit = session.space.cache, session.settings.limit_gib * GIB
    found = eviction.blobs(root)
    for held in eviction.holdings(root, found):
        ages = f"unused for {_age(held.youngest_s)} to {_age(held.oldest_s)}"
        session.screen.note(f"{held.size / GIB:8.3f} GiB  {held.count:6} × {held.stage}, {ages}")
    with lease.removing(root) as claimed:
        found = eviction.blobs(root)
        gone = eviction.surplus(found, limit, claimed)
        eviction.remove(root, gone)
    used = [blob for blob in found if blob.digest in claimed]
    total, removed, spared = (sum(blob.size for blob in some) for some in (found, gone, used))
    session.screen.note(f"{total / GIB:.3f} GiB in {root}, limit {limit / GIB:g} GiB")
    if used:
        session.screen.note(f"running commands use {spared / GIB:.3f} GiB in {len(used)} blobs: they stay")
    session.screen.note(f"removed {removed / GIB:.3f} GiB in {len(gone)} blobs")


def _age(seconds: float) -> str:
    if seconds < HOUR_S:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR_S:.1f} h" if seconds < DAY_S else f"{seconds / DAY_S:.1f} days"
