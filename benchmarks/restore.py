"""Feature set A, then B, then A again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from benchmarks.bench import Bench
from benchmarks.figure import Aim, Figure, ratio
from parity.build import cargo, cargo_build
from parity.core.errors import BuildError

WHAT = (
    "The kernel of feature set A, then of B, then of A again: the last step, by `doit build_kernel:…` "
    "and by cargo in the same container with a warm target folder of its own. Cargo finds A in a folder"
    " that has built both and only links it into place; in one that knows A's dependencies but has not "
    "compiled A, it compiles the kernel."
)
ROUNDS = 5
OTHER = "plain"  # feature set B; A is the one that the suite runs with


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    first, arch = bench.tree.run.features, bench.arch
    restore, swap, rebuild = "restored", "cargo, has both", "cargo, has the dependencies"
    with bench.space.scratch() as folder:
        cargo_build.fetch(bench.space, bench.tree)
        for features in (first, OTHER):
            bench.here.doit(f"build_kernel:{arch}-{features}")
            _cargo(bench, folder, features)

        def restored() -> float:
            bench.here.doit(f"build_kernel:{arch}-{OTHER}")
            return bench.here.doit(f"build_kernel:{arch}-{first}").seconds

        def swapped() -> float:
            _cargo(bench, folder, OTHER)
            return _cargo(bench, folder, first)

        def rebuilt() -> float:
            packages = [word for package in bench.tree.kernel.packages for word in ("--package", package)]
            _run(bench, folder, ["clean", "--frozen", "--release", "--target", _target(bench), *packages])
            return _cargo(bench, folder, first)

        arms: dict[str, Callable[[], float]] = {restore: restored, swap: swapped, rebuild: rebuilt}
        seconds = bench.in_turn(arms)
    whole = "seconds of the whole command"
    return [
        Figure(f"A again, restored: {whole}", "s", seconds[restore], Aim(2)),
        ratio("cargo compiling A's kernel, against restoring it", seconds[rebuild], seconds[restore],
              None, (rebuild, restore)),
        ratio("cargo that has built both, against restoring", seconds[swap], seconds[restore],
              None, (swap, restore)),
    ]  # fmt: skip


def _target(bench: Bench) -> str:
    return bench.tree.kernel.targets[bench.arch]


def _cargo(bench: Bench, folder: Path, features: str) -> float:
    names = bench.tree.feature_sets[features].features
    return _run(
        bench,
        folder,
        ["build", "--frozen", *cargo_build.cargo_arguments(bench.tree.kernel, bench.arch, names)],
    )


def _run(bench: Bench, target: Path, command: Sequence[str]) -> float:
    """Seconds of cargo in its container, as a user of such a container waits for it."""
    lines: list[str] = []

    def on_line(_stream: str, line: str) -> None:
        lines.append(line)
        bench.space.screen.say(line.strip())

    began = monotonic()
    status = cargo.run(bench.space, bench.tree.root, command, target=target, on_line=on_line)
    seconds = monotonic() - began
    if status != 0:
        raise BuildError(f"cargo {command[0]} failed", output="\n".join(lines))
    return seconds
