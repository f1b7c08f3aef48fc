"""A checkout at work: its folders, the store, Docker when first needed, what this command has made so far.

Everything a stage needs is handed to it in a `Workspace`; nothing is global. What a stage gives is kept under
the key of what went into it, so that the same stage asked twice, in one command or in two, is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.core import host
from parity.core.progress import Progress
from parity.docker import engine, images
from parity.store.stage_history import History
from parity.store.store import Digest, FileDigests, Outputs, Store, action_key

NAMED = 4  # of what is made at once, as many are named as a line holds


class Workspace:
    """One checkout and one command."""

    def __init__(self, root: Path, cache: Path, screen: Progress) -> None:
        self.root = root
        self.cache = cache
        self.screen = screen
        self.build = root / "build"
        self.store = Store(cache)
        self.digests = FileDigests()
        self.history = History(self.build)
        self._images: dict[str, images.Image] = {}
        self._done: dict[str, Outputs] = {}

    @cached_property
    def engine(self) -> engine.Engine:
        """Docker, connected on first use, after this owner's leftovers were removed.

        Raises:
            MachineError: Docker is not there, stopped, or not for this user.
        """
        host.sweep(self.cache)
        host.sweep(self.build)
        connected = engine.connect(self.cache)
        connected.reap()
        return connected

    def image(self, role: str) -> images.Image:
        """The tool image of that role, made when it is not there or was forgotten; raises MachineError."""
        if role not in self._images:
            title = images.title(role)
            again = self.history.forgotten(title)
            image = images.ensure(self.engine, role, self.root, self.cache, self.screen, again=again)
            self.history.remember(title, image.inputs)
            self._images[role] = image
        return self._images[role]

    def show(self, folder: str, files: Mapping[str, Digest]) -> Path:
        """Copies of blobs below build/, for people and their debuggers: these names and no other in `folder`.

        Nothing reads them again. A copy that is there is left alone, one that was changed is not.

        Raises:
            MachineError: they cannot be written.
        """
        place = self.build / folder
        for stale in place.iterdir() if place.is_dir() else ():
            if stale.name not in files:
                stale.unlink()
        for name, digest in files.items():
            target = place / name
            if not (target.is_file() and self.digests.of(target) == digest):
                with host.new_file(self.build, str(target), "make room there") as new:
                    self.store.copy(digest, new)
                    host.settle(new, target)
        return place

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder that goes when the block ends, or, after a kill, with the next command."""
        with host.scratch(self.cache) as folder:
            yield folder

    def cached_stage(
        self, stage: str, title: str, inputs: Mapping[str, Any], make: Callable[[], Outputs]
    ) -> Outputs:
        """What `make` gives for these inputs: of this command, from the store, or made now.

        `stage` and `inputs` are the key; `title` is what the user reads.
        """
        return self.cached_stages(stage, title, {title: inputs}, lambda _: {title: make()})[title]

    def cached_stages(
        self,
        stage: str,
        title: str,
        wanted: Mapping[str, Mapping[str, Any]],
        make: Callable[[Sequence[str]], Mapping[str, Outputs]],
    ) -> dict[str, Outputs]:
        """`kept` for many of a kind, by the title of each: `make` is given all that have to be made, at once.

        `title` is what the user reads of all of them.
        """
        keys = {each: action_key(stage, inputs) for each, inputs in wanted.items()}
        todo = [each for each in wanted if keys[each] not in self._done]
        missing = [each for each in todo if not self._restored(each, keys[each])]
        if missing:
            some = f" ({', '.join(missing)})" if len(missing) <= NAMED else f" ({len(missing)})"
            with self.screen.stage(title + (some if missing != [title] else "")):
                results = make(missing)
            for each in missing:
                self.store.record(keys[each], stage, results[each])
                self._done[keys[each]] = results[each]
        elif todo:
            self.screen.note(f"{title}: kept", "dim")
        for each in todo:
            self.history.remember(each, wanted[each])
        return {each: self._done[key] for each, key in keys.items()}

    def _restored(self, title: str, key: Digest) -> bool:
        """Takes what is kept under a key from the store; whether there was something, whole."""
        if self.history.forgotten(title):
            return False
        outputs, complaint = self.store.lookup(key)
        if complaint:
            self.screen.note(f"{title}: {complaint}", "yellow")
        if outputs is not None:
            self._done[key] = outputs
        return outputs is not None

    def known(self, stage: str, title: str, inputs: Mapping[str, Any]) -> Outputs | None:
        """What a stage would give for these inputs, where that is known; `kept` before it is used.

        Nothing is made, and nothing read but its record: 80 disk images take a second to hash.
        """
        if self.history.forgotten(title):
            return None
        found = self.store.known(action_key(stage, inputs))
        if found is not None:
            self.history.remember(title, inputs)
        return found
