"""Canaries: guests that try to deceive the judge. `suites/canaries.yaml` has their expected verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from parity.autopsy.diagnosis import FailureKind
from parity.core import yamlfile
from parity.core.yamlfile import Document, Model, Name, Seconds, Text
from parity.docker.engine import Engine
from parity.guest.lane import DockerLane, Lane, Message
from parity.judge.state import RunKind
from parity.judge.verdict import Verdict
from parity.results.confusion import Confusion
from parity.results.evidence import Evidence
from parity.spec.machine import RunSpec

NO_WORD = "none"


class CanaryEntry(Model, frozen=True):
    """One canary of the file. A value that depends on the architecture is a mapping by architecture."""

    expected: Verdict | dict[str, Verdict]
    command_line: Text  # the kernel's; with `init=` if the canary has a program
    word: FailureKind | dict[str, FailureKind] | None = None  # the failure kind; `panic` for the verdict
    explains: str | dict[str, str] | None = None  # a part of the autopsy's sentence
    says: str | dict[str, str] | None = None  # a part of the judge's cause
    cpu_budget_s: Seconds | None = None  # CPU seconds, instead of the file's
    runs: RunKind = RunKind.PROGRAM  # what its guest is asked to run
    ends_as: str | None = None  # path of the program that PID 1 must run at its end
    # The signal that the emulator gets after the kernel's hello record.
    signal: Literal["KILL", "STOP"] | None = None


class CanaryFile(Model, frozen=True):
    """All canaries, and their common values."""

    features: Name  # the feature set of their kernel
    cpu_budget_s: Seconds  # CPU seconds before one counts as hung
    silence_s: Seconds
    canaries: Annotated[dict[Name, CanaryEntry], Meta(min_length=1)]


@dataclass(frozen=True)
class Canary:
    """One guest that tries to deceive the judge. The dictionaries are by architecture."""

    name: str
    expected: dict[str, Verdict]
    command_line: str
    cpu_budget_s: float
    silence_s: float
    says: dict[str, str] = field(default_factory=dict)
    explains: dict[str, str] = field(default_factory=dict)
    signal: str | None = None
    words: dict[str, FailureKind] = field(default_factory=dict)
    kind: RunKind = RunKind.PROGRAM
    ends_as: str | None = None

    def spec(self, like: RunSpec) -> RunSpec:
        """The run spec of the canary's guest: `like` with the canary's own values."""
        return replace(
            like,
            test=self.name,
            cmdline=self.command_line,
            cpu_budget_s=self.cpu_budget_s,
            silence_s=self.silence_s,
            kind=self.kind,
            ends_as=self.ends_as,
        )

    def as_expected(self, seen: Evidence) -> bool:
        """Whether verdict, cause, failure kind and sentence are as the file demands."""
        word = self.words.get(seen.arch, seen.failure_kind)
        right = seen.verdict == self.expected[seen.arch] and word == seen.failure_kind
        explained = self.explains.get(seen.arch, "") in (seen.sentence or "")
        return right and explained and self.says.get(seen.arch, "") in seen.cause


def load(path: Path, archs: Sequence[str]) -> tuple[str, list[Canary]]:
    """The feature set of the canaries' kernel, and the canaries.

    Raises:
        UserError: the file has a mistake; with file and line.
    """
    file = yamlfile.load(path, CanaryFile)
    return file.value.features, [_canary(file, name, archs) for name in file.value.canaries]


def _canary(file: Document[CanaryFile], name: str, archs: Sequence[str]) -> Canary:
    entry, where = file.value.canaries[name], ("canaries", name)
    expected = yamlfile.each(file, entry.expected, archs, *where, "expected")
    words = {arch: FailureKind.PANIC for arch in archs if expected[arch] is Verdict.PANIC}
    if entry.word is not None:
        words = yamlfile.each(file, entry.word, archs, *where, "word")
    return Canary(
        name=name,
        expected=expected,
        command_line=entry.command_line,
        cpu_budget_s=entry.cpu_budget_s or file.value.cpu_budget_s,
        silence_s=file.value.silence_s,
        says=_texts(file, entry.says, archs, *where, "says"),
        explains=_texts(file, entry.explains, archs, *where, "explains"),
        signal=entry.signal,
        words=words,
        kind=entry.runs,
        ends_as=entry.ends_as,
    )


def _texts(
    file: Document[CanaryFile], value: str | dict[str, str] | None, archs: Sequence[str], *where: str
) -> dict[str, str]:
    """A text for each architecture; empty if the file has none."""
    return yamlfile.each(file, value, archs, *where) if value is not None else {}


class FromOutside:
    """A lane that sends a signal to each emulator after the first bytes on its result channel."""

    def __init__(self, lane: DockerLane, engine: Engine, signal: str) -> None:
        self._lane: Lane = lane
        self._container, self._engine, self._signal = lane.id, engine, signal

    def run(self, spec: RunSpec) -> Iterator[Message]:
        """See Lane."""
        emulator: int | None = None
        for message in self._lane.run(spec):
            if message.kind == "started":
                emulator = message.fields["pid"]
            yield message
            if message.kind == "channel" and emulator is not None:
                self._engine.execute(self._container, ["sh", "-c", f"kill -{self._signal} {emulator}"])
                emulator = None

    def stop(self) -> None:
        """See Lane."""
        self._lane.stop()

    def close(self) -> None:
        """See Lane."""
        self._lane.close()


Seen = Mapping[tuple[str, str], Evidence]  # by architecture and canary


def unexpected(all_canaries: Sequence[Canary], seen: Seen) -> list[tuple[Canary, Evidence]]:
    """The canaries whose evidence is not as expected, with this evidence."""
    named = {canary.name: canary for canary in all_canaries}
    return [(named[name], found) for (_, name), found in seen.items() if not named[name].as_expected(found)]


def verdicts(all_canaries: Sequence[Canary], seen: Seen) -> Confusion:
    """Expected against actual verdicts."""
    named = {canary.name: canary for canary in all_canaries}
    pairs = [(named[name].expected[arch], found.verdict) for (arch, name), found in seen.items()]
    return Confusion.of(pairs, tuple(Verdict))


def words(all_canaries: Sequence[Canary], seen: Seen) -> Confusion:
    """Expected against actual failure kinds (NO_WORD: none) of the canaries that have an expected one."""
    named = {canary.name: canary for canary in all_canaries}
    pairs = [
        (str(named[name].words[arch]), found.failure_kind or NO_WORD)
        for (arch, name), found in seen.items()
        if arch in named[name].words
    ]
    return Confusion.of(pairs, (*FailureKind, NO_WORD))
