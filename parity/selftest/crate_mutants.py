"""Mutants of crates: `cargo mutants` changes a crate in one place, and the crate's own tests must fail.

`cargo mutants` runs in a tool image of its own. `suites/mutants.yaml` lists the crates, and the mutants that
behave like the original, each with its reason.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from parity.build import cargo, cargo_build
from parity.build.workspace import Workspace
from parity.core import yamlfile
from parity.core.errors import InfraError
from parity.core.yamlfile import Model, Name
from parity.docker.attached import Stream
from parity.docker.engine import Mount, OnLine
from parity.spec.tree import Tree

ROLE = "mutants"
OUT, REPORT = "/out", "mutants.out/outcomes.json"  # where `cargo mutants` writes, and its report there
ALL_S = 6 * 3600.0  # for all mutants of all crates
OUTCOMES = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout", "Unviable": "unviable"}


class MutantsFile(Model, frozen=True):
    """The crates to change and the mutants to leave out (`suites/mutants.yaml`)."""

    crates: Annotated[tuple[Name, ...], Meta(min_length=1)]
    # Seconds for the tests of one mutant, which may never end.
    timeout_s: Annotated[int, Meta(ge=1, le=3600)]
    # Regular expression of the names of mutants that behave like the original -> reason.
    equivalent: dict[str, str]
    # Crates of which not all mutants were tested yet; a sample leaves them out.
    unfinished: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Mutant:
    """A change of a crate and its outcome.

    `name` gives file, line, column and the new text. `outcome`: "caught" if a test failed, "missed" if all
    tests passed, "timeout" if they did not end in time, "unviable" if it does not compile.
    """

    crate: str
    name: str
    outcome: str


def load(path: Path) -> MutantsFile:
    """Reads `suites/mutants.yaml`.

    Raises:
        UserError: with file and line, for a key that is unknown or missing.
    """
    return yamlfile.load(path, MutantsFile).value


def arguments(file: MutantsFile, shard: str | None) -> list[str]:
    """The arguments of cargo. `shard` is `k/n`, one of n parts counted from 0; None: all mutants."""
    words = ["mutants", "--dir", cargo.SOURCE, "--output", OUT, "--colors", "never", "--no-times"]
    words += ["--timeout", str(file.timeout_s), "--cargo-arg=--frozen"]
    crates = [crate for crate in file.crates if shard is None or crate not in file.unfinished]
    words += [word for crate in crates for word in ("--package", crate)]
    words += ["--shard", shard] if shard else []
    return words + [word for name in file.equivalent for word in ("--exclude-re", name)]


def run(
    space: Workspace, tree: Tree, file: MutantsFile, out: Path, *, shard: str | None, on_line: OnLine
) -> list[Mutant]:
    """Tests all mutants, or those of a shard; writes cargo's own report to the folder `out`.

    Raises:
        InfraError: cargo wrote no outcomes, for example because the crates' own tests fail.
        MachineError: Docker or the network does not work, or the disk is full.
    """
    cargo_build.fetch(space, tree)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    lines: list[str] = []

    def record(stream: Stream, line: str) -> None:
        lines.append(line)
        on_line(stream, line)

    with space.scratch() as target, cargo_build.copied(space, tree) as source:
        _make_writable(source)
        folder = cargo.shared(space, out)
        cargo.run(
            space,
            source,
            arguments(file, shard),
            target=target,
            role=ROLE,
            extra_mounts=[Mount(out, OUT, read_only=False)],
            extra_env={"TMPDIR": cargo.TARGET},  # it copies the sources there before it changes them
            time_s=ALL_S,
            on_line=record,
        )
    if not folder.exists(REPORT):
        raise InfraError("cargo mutants wrote no outcomes", "\n".join(lines[-20:]))
    with folder.open(REPORT) as report:
        return outcomes(json.load(report))


def _make_writable(folder: Path) -> None:
    """Makes the files writable. `cargo mutants` copies the modes too, and must write its copies."""
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(path.stat().st_mode | 0o200)


def outcomes(report: Mapping[str, Any]) -> list[Mutant]:
    """The mutants of cargo's `outcomes.json`.

    Raises:
        InfraError: there are no mutants, or the tests of the unchanged crates fail.
    """
    mutants = []
    for outcome in report["outcomes"]:
        scenario, summary = outcome["scenario"], outcome["summary"]
        if scenario == "Baseline":
            if summary != "Success":
                raise InfraError("the crates' own tests fail without any mutant", f"baseline: {summary}")
            continue
        mutant = scenario["Mutant"]
        mutants.append(Mutant(mutant["package"], _name(mutant), OUTCOMES[summary]))
    if not mutants:
        raise InfraError("cargo mutants found no mutants", "are the crates' names right?")
    return mutants


def _name(mutant: Mapping[str, Any]) -> str:
    """Place, new text and function of a mutant, similar to the names in `mutants.out/*.txt`."""
    start, function = mutant["span"]["start"], mutant["function"]
    within = f" in {function['function_name']}" if function else ""
    return f"{mutant['file']}:{start['line']}:{start['column']}: {mutant['replacement'] or 'nothing'}{within}"


def missed(mutants: Iterable[Mutant]) -> list[str]:
    """The names of the mutants that no test detected."""
    return [mutant.name for mutant in mutants if mutant.outcome == "missed"]


def counted(mutants: Sequence[Mutant]) -> dict[str, Counter[str]]:
    """How many mutants had each outcome, by crate."""
    crates = dict.fromkeys(mutant.crate for mutant in mutants)
    return {crate: Counter(mutant.outcome for mutant in mutants if mutant.crate == crate) for crate in crates}
