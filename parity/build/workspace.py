"""A checkout and a command: folders, the store, Docker when first needed, and what was made so far.

A stage gets all that it needs in a `Workspace`; nothing is global. The outputs of a stage are stored under
the key of its inputs, so the same stage runs once, in one command or in two.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.build.beneath import Folder
from parity.core import host
from parity.core.errors import ParityError
from parity.core.progress import Progress
from parity.docker import engine, images
from parity.docker.creation import Creations
from parity.docker.owner import current_owner
from parity.store.stage_history import History
from parity.store.store import Digest, FileDigests, Outputs, Store, action_key

NAMED = 4  # of stages that run together, at most so many are named in a line


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
        if Creations(cache, current_owner(cache)).abandoned():  # a command needs no Docker otherwise
            with contextlib.suppress(ParityError):
                _ = self.engine

    @cached_property
    def engine(self) -> engine.Engine:
        """Docker, connected on first use; then this owner's abandoned containers and files are removed.

        Raises:
            MachineError: Docker is not there, stopped, or not for this user.
        """
        host.sweep(self.cache)
        host.sweep(self.build)
        connected = engine.connect(self.cache)
        connected.reap()
        return connected

    def image(self, role: str) -> images.Image:
        """The tool image of that role, made when it is not there or was forgotten.

        Raises:
            MachineError: it cannot be made.
        """
        if role not in self._images:
            title = images.title(role)
            again = self.history.forgotten(title)
            image = images.ensure(self.engine, role, self.root, self.cache, self.screen, again=again)
            self.history.remember(title, image.inputs)
            self._images[role] = image
        return self._images[role]

    def show(self, folder: str, files: Mapping[str, Digest]) -> Path:
        """Copies blobs to `folder` below build/, for users and debuggers; other files there are removed.

        Parity never reads them again. A copy that was changed is made again.

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

    def taken(self, folder: Folder, path: str) -> Digest:
        """Stores a file that a container has written.

        Raises:
            BuildError: it is not there, or is no regular file.
            MachineError: the store cannot be written.
        """
        with folder.open(path) as file:
            return self.store.put_open(file)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder, removed when the block ends or, after a kill, by the next command."""
        with host.scratch(self.cache) as folder:
            yield folder

    def cached_stage(
        self, stage: str, title: str, inputs: Mapping[str, Any], make: Callable[[], Outputs]
    ) -> Outputs:
        """The outputs of `make` for these inputs: of this command, from the store, or made now.

        `stage` and `inputs` are the key; `title` is the stage's name in messages.
        """
        return self.cached_stages(stage, title, {title: inputs}, lambda _: {title: make()})[title]

    def cached_stages(
        self,
        stage: str,
        title: str,
        wanted: Mapping[str, Mapping[str, Any]],
        make: Callable[[Sequence[str]], Mapping[str, Outputs]],
    ) -> dict[str, Outputs]:
        """`cached_stage` for many stages of a kind, by their titles; `make` gets all that are missing.

        `title` is the name of all of them in messages.
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
        """Takes the outputs under a key from the store; whether they were there and whole."""
        if self.history.forgotten(title):
            return False
        outputs, complaint = self.store.lookup(key)
        if complaint:
            self.screen.note(f"{title}: {complaint}", "yellow")
        if outputs is not None:
            self._done[key] = outputs
        return outputs is not None

    def known(self, stage: str, title: str, inputs: Mapping[str, Any]) -> Outputs | None:
        """The outputs that are stored for these inputs, if any; ask `cached_stage` before they are used.

        It makes nothing and reads only the record: 80 disk images take a second to hash.
        """
        if self.history.forgotten(title):
            return None
        found = self.store.known(action_key(stage, inputs))
        if found is not None:
            self.history.remember(title, inputs)
        return found
