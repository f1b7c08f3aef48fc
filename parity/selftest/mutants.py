"""Mutants: crates changed in one place each, which one of their own tests must notice.

`cargo mutants` makes them, in a tool image that nothing else asks for. `suites/mutants.yaml` names the crates
and what is left out, each with its reason: a change that no test can see.
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
from parity.build.beneath import Folder
from parity.build.workspace import Workspace
from parity.core import yamlfile
from parity.core.errors import InfraError
from parity.core.yamlfile import Model, Name
from parity.docker.attached import Stream
from parity.docker.engine import Mount, OnLine
from parity.spec.tree import Tree

ROLE = "mutants"
OUT, COPY = "/out", "/copy"  # where cargo writes, and where it changes a copy of the sources
SOURCES = ("Cargo.toml", "Cargo.lock", "kernel", "userspace")  # cargo wants every member of the workspace
OUTCOMES = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout", "Unviable": "unviable"}


class Mutation(Model, frozen=True):
    """Which crates are changed, and what is left alone (`suites/mutants.yaml`)."""

    crates: Annotated[tuple[Name, ...], Meta(min_length=1)]
    timeout_s: Annotated[int, Meta(ge=1, le=3600)]  # for the tests of one mutant, which may never end
    # Regular expressions of the names of mutants that no test can tell from the original, with the reason.
    equivalent: dict[str, str]
    # Crates of which not every survivor was looked at yet: a sample leaves them out.
    unfinished: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Mutant:
    """A change, by its place, and what came of it.

    `outcome`: "caught", "missed", "timeout", or "unviable" if it does not compile.
    """

    crate: str
    name: str
    outcome: str


def load(path: Path) -> Mutation:
    """Reads `suites/mutants.yaml`.

    Raises:
        UserError: with file and line, for a key that is unknown or missing.
    """
    return yamlfile.load(path, Mutation).value


def arguments(mutation: Mutation, shard: str | None) -> list[str]:
    """What cargo is told. `shard` is `k/n`, one of n parts counted from 0; None: everything."""
    words = ["mutants", "--dir", cargo_build.SOURCE, "--output", OUT, "--colors", "never", "--no-times"]
    words += ["--timeout", str(mutation.timeout_s), "--cargo-arg=--frozen"]
    crates = [crate for crate in mutation.crates if shard is None or crate not in mutation.unfinished]
    words += [word for crate in crates for word in ("--package", crate)]
    # A part is a sample: whether the crates pass as they are is told by their own tests.
    words += ["--shard", shard, "--baseline=skip"] if shard else []
    return words + [word for name in mutation.equivalent for word in ("--exclude-re", name)]


def run(
    space: Workspace, tree: Tree, mutation: Mutation, out: Path, *, shard: str | None, on_line: OnLine
) -> list[Mutant]:
    """Tests every mutant, or those of a shard; what cargo writes about them is left in `out`.

    Raises:
        InfraError: cargo gave no outcomes, for example because the crates' own tests fail.
        MachineError: no Docker, no network, no room.
    """
    cargo_build.fetch(space, tree)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    lines: list[str] = []

    def heard(stream: Stream, line: str) -> None:
        lines.append(line)
        on_line(stream, line)

    environment = {
        name: value for name, value in cargo_build.ENVIRONMENT.items() if name != "CARGO_TARGET_DIR"
    }
    with space.scratch() as copy:
        space.engine.run_tool(
            space.image(ROLE).id,
            ["cargo", *arguments(mutation, shard)],
            mounts=[
                *(Mount(tree.root / name, f"{cargo_build.SOURCE}/{name}") for name in SOURCES),
                *cargo.crates(space),
                Mount(out, OUT, read_only=False),
                Mount(copy, COPY, read_only=False),
            ],
            tmpfs_mib={cargo.UNPACKED: cargo.UNPACKED_MIB},
            env={**environment, "TMPDIR": COPY},
            workdir=cargo_build.SOURCE,
            on_line=heard,
        )
    if not (out / "mutants.out" / "outcomes.json").is_file():
        raise InfraError("cargo mutants told no outcomes", "\n".join(lines[-20:]))
    with Folder(out).open("mutants.out/outcomes.json") as found:
        return outcomes(json.load(found))


def outcomes(report: Mapping[str, Any]) -> list[Mutant]:
    """The mutants of cargo's `outcomes.json`.

    Raises:
        InfraError: the crates as they are do not pass, so no outcome means anything.
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
    return mutants


def _name(mutant: Mapping[str, Any]) -> str:
    """Where it is and what stands there instead; cargo's own words for it are in `mutants.out/*.txt`."""
    start, function = mutant["span"]["start"], mutant["function"]
    within = f" in {function['function_name']}" if function else ""
    return f"{mutant['file']}:{start['line']}:{start['column']}: {mutant['replacement'] or 'nothing'}{within}"


def missed(mutants: Iterable[Mutant]) -> list[str]:
    """Names of those that no test noticed."""
    return [mutant.name for mutant in mutants if mutant.outcome == "missed"]


def counted(mutants: Sequence[Mutant]) -> dict[str, Counter[str]]:
    """How many there are of each outcome, by crate."""
    crates = dict.fromkeys(mutant.crate for mutant in mutants)
    return {crate: Counter(mutant.outcome for mutant in mutants if mutant.crate == crate) for crate in crates}
