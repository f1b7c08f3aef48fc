"""A checkout at work: its folders, the store, Docker when first needed, what this command has made so far.

Everything a stage needs is handed to it in a `Workspace`; nothing is global. What a stage gives is kept under
the key of what went into it, so that the same stage asked twice, in one command or in two, is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from parity import engine, host, images
from parity.history import History
from parity.report.terminal import Screen
from parity.store import FileDigests, Outputs, Store, action_key


class Workspace:
    """One checkout and one command."""

    def __init__(self, root: Path, cache: Path, screen: Screen) -> None:
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

        From then on nobody removes anything from the store until this process ends.

        Raises:
            MachineError: Docker is not there, stopped, or not for this user.
        """
        host.use(self.cache)
        host.sweep(self.cache)
        host.sweep(self.build)
        connected = engine.connect(self.cache)
        connected.reap()
        return connected

    def image(self, role: str) -> images.Image:
        """The tool image of that role, made when it is not there; raises MachineError."""
        if role not in self._images:
            self._images[role] = images.ensure(self.engine, role, self.root, self.cache, self.screen)
        return self._images[role]

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder that goes when the block ends, or, after a kill, with the next command."""
        with host.scratch(self.cache) as folder:
            yield folder

    def kept(self, stage: str, title: str, inputs: Mapping[str, Any], make: Callable[[], Outputs]) -> Outputs:
        """What `make` gives for these inputs: of this command, from the store, or made now.

        `stage` and `inputs` are the key; `title` is what the user reads.
        """
        key = action_key(stage, inputs)
        if key in self._done:
            return self._done[key]
        forgotten = self.history.forgotten(title)
        outputs, complaint = (None, None) if forgotten else self.store.lookup(key)
        if complaint:
            self.screen.note(f"{title}: {complaint}", "yellow")
        if outputs is None:
            with self.screen.stage(title):
                outputs = make()
            self.store.record(key, stage, outputs)
        else:
            self.screen.note(f"{title}: kept", "dim")
        self.history.remember(title, inputs)
        self._done[key] = outputs
        return outputs
