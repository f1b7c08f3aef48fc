"""The workspace of a command in a checkout: its folders, the store, the Docker engine, and finished stages.

A stage gets its environment from a `Workspace`; there is no global state. The outputs of a stage are stored
under the key of its inputs, so a stage with the same inputs runs only once.
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

NAMED = 4  # the most stages that one line names


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
        if Creations(cache, current_owner(cache)).abandoned():  # `engine` removes their containers
            with contextlib.suppress(ParityError):
                _ = self.engine

    @cached_property
    def engine(self) -> engine.Engine:
        """The Docker engine. The first use connects, and removes this owner's abandoned containers and files.

        Raises:
            MachineError: Docker is not installed, is stopped, or refuses this user.
        """
        host.sweep(self.cache)
        host.sweep(self.build)
        connected = engine.connect(self.cache)
        connected.reap()
        return connected

    def image(self, role: str) -> images.Image:
        """The tool image of that role; made if it is missing, or after `doit forget`.

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
        """Copies blobs to `folder` below build/, for users and debuggers; removes all other files there.

        The copies are not inputs of any stage. A copy that was changed is replaced.

        Raises:
            MachineError: the copies cannot be written.
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
            BuildError: the file is missing or not a regular file.
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
        """The outputs of `make` for these inputs: from this command, from the store, or made now.

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
        """`cached_stage` for many stages of a kind: title → inputs. `make` gets the titles that must run.

        `title` is the name of the whole group in messages.
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
        """Gets the outputs of a key from the store; returns whether they exist and are intact."""
        if self.history.forgotten(title):
            return False
        outputs, complaint = self.store.lookup(key)
        if complaint:
            self.screen.note(f"{title}: {complaint}", "yellow")
        if outputs is not None:
            self._done[key] = outputs
        return outputs is not None

    def known(self, stage: str, title: str, inputs: Mapping[str, Any]) -> Outputs | None:
        """The stored outputs for these inputs, or None. Call `cached_stage` before the blobs are used.

        Makes nothing and reads only the record, because hashing 80 disk images takes a second.
        """
        if self.history.forgotten(title):
            return None
        found = self.store.known(action_key(stage, inputs))
        if found is not None:
            self.history.remember(title, inputs)
        return found
