"""Canaries: guests built to deceive, each with the one verdict it must earn.

Keys of `suites/canaries.yaml`: `features` (the feature set of their kernel), `cpu_budget_s` and `silence_s`
(CPU seconds, and seconds of silence, before one counts as hung) and `canaries`, from name to

    expected        the verdict, or one per architecture
    command_line    the kernel's command line, `init=` included where a program takes part
    word            the autopsy's, or one per architecture (optional; `panic` for one that must panic)
    explains        text that the autopsy's sentence must hold, or one per architecture (optional)
    says            text that the judge's sentence must hold, or one per architecture (optional)
    cpu_budget_s    CPU seconds of its own (optional)
    runs            tests, for one that is asked for tests of its own instead of a program (optional)
    ends_as         path of the program that PID 1 must be when it ends (optional)
    signal          what the emulator gets from outside once the kernel has said hello: KILL, STOP (optional)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from parity import yamlfile
from parity.autopsy.diagnose import Word
from parity.confusion import Confusion
from parity.engine import Engine
from parity.evidence import Evidence
from parity.lane import DockerLane, Lane, Message
from parity.machine import RunKind, RunSpec
from parity.verdict import Verdict
from parity.yamlfile import Node

TOP = ("features", "cpu_budget_s", "silence_s", "canaries")
KEYS = (
    "expected", "command_line", "says", "word", "explains", "cpu_budget_s", "runs", "ends_as", "signal"
)  # fmt: skip
NO_WORD = "none"
SIGNALS = ("KILL", "STOP")


@dataclass(frozen=True)
class Canary:
    """One guest built to deceive. `expected`, `says`, `words` and `explains` are by architecture."""

    name: str
    expected: dict[str, Verdict]
    command_line: str
    cpu_budget_s: float
    silence_s: float
    says: dict[str, str] = field(default_factory=dict)
    explains: dict[str, str] = field(default_factory=dict)
    signal: str | None = None
    words: dict[str, Word] = field(default_factory=dict)
    kind: RunKind = RunKind.PROGRAM
    ends_as: str | None = None

    def spec(self, like: RunSpec) -> RunSpec:
        """The guest: as `like`, but with this canary's name and command line."""
        return replace(
            like,
            test=self.name,
            cmdline=self.command_line,
            cpu_budget_s=self.cpu_budget_s,
            silence_s=self.silence_s,
            kind=self.kind,
            ends_as=self.ends_as,
        )

    def earned(self, seen: Evidence) -> bool:
        """Whether the verdict is the one it must be, for the reason it must be, and so is the word."""
        word = self.words.get(seen.arch, seen.word)
        right = seen.verdict == self.expected[seen.arch] and word == seen.word
        explained = self.explains.get(seen.arch, "") in (seen.sentence or "")
        return right and explained and self.says.get(seen.arch, "") in seen.cause


def load(path: Path, archs: Sequence[str]) -> tuple[str, list[Canary]]:
    """The feature set of the canaries' kernel, and the canaries.

    Raises:
        UserError: with file and line, for anything that is not as described above.
    """
    top = yamlfile.load(path).mapping(TOP, required=TOP)
    canaries = []
    for name, node in top["canaries"].mapping():
        canary = node.mapping(KEYS, required=("expected", "command_line"))
        says, word, signal = (canary.get(key) for key in ("says", "word", "signal"))
        runs, ends_as = canary.get("runs"), canary.get("ends_as")
        expected = {
            arch: Verdict(value.one_of("verdict", Verdict))
            for arch, value in canary["expected"].each(archs).items()
        }
        words = {arch: Word.PANIC for arch in archs if expected[arch] is Verdict.PANIC}
        if word:
            words = {arch: Word(value.one_of("word", Word)) for arch, value in word.each(archs).items()}
        canaries.append(
            Canary(
                name=name,
                expected=expected,
                command_line=canary["command_line"].text(),
                cpu_budget_s=(canary.get("cpu_budget_s") or top["cpu_budget_s"]).seconds(),
                silence_s=top["silence_s"].seconds(),
                explains=_texts(canary.get("explains"), archs),
                says=_texts(says, archs),
                signal=signal.one_of("signal", SIGNALS) if signal else None,
                words=words,
                kind=RunKind(runs.one_of("kind of run", RunKind)) if runs else RunKind.PROGRAM,
                ends_as=ends_as.text() if ends_as else None,
            )
        )
    if not canaries:
        raise top["canaries"].error("a flock without a canary proves nothing")
    return top["features"].text(), canaries


def _texts(node: Node | None, archs: Sequence[str]) -> dict[str, str]:
    """A text for each architecture; none where nothing is said."""
    return {arch: value.text() for arch, value in node.each(archs).items()} if node else {}


class FromOutside:
    """A lane whose emulators get a signal from somebody else as soon as their kernel has said something."""

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


def unearned(flock: Sequence[Canary], seen: Seen) -> list[tuple[Canary, Evidence]]:
    """The guests that are not what they must be, and what was seen of them."""
    named = {canary.name: canary for canary in flock}
    return [(named[name], found) for (_, name), found in seen.items() if not named[name].earned(found)]


def verdicts(flock: Sequence[Canary], seen: Seen) -> Confusion:
    """The verdicts that must be earned against those that are."""
    named = {canary.name: canary for canary in flock}
    pairs = [(named[name].expected[arch], found.verdict) for (arch, name), found in seen.items()]
    return Confusion.of(pairs, tuple(Verdict))


def words(flock: Sequence[Canary], seen: Seen) -> Confusion:
    """The words that must be said against those that are (NO_WORD: none), of the guests that have one."""
    named = {canary.name: canary for canary in flock}
    pairs = [
        (str(named[name].words[arch]), found.word or NO_WORD)
        for (arch, name), found in seen.items()
        if arch in named[name].words
    ]
    return Confusion.of(pairs, (*Word, NO_WORD))
