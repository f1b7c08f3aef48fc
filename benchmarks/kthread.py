"""Twenty stressed guests, against a container for each."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from benchmarks import plain_guest
from benchmarks.bench import WAYS, Bench, unquoted
from benchmarks.figure import Figure, ratio
from parity.core.errors import InfraError
from parity.run import suite_run
from parity.run.run_log import RunLog
from parity.run.stress import Run
from parity.spec.machine import GuestPaths, RunSpec

GUESTS = 20
WHAT = (
    f"`doit kthread_parallel:{GUESTS}` against ways/per_guest.sh, which gives each guest a `docker run` "
    "of its own, as many at a time as there are lanes, and looks once a second which have ended: the "
    "same kernel, disk and seeds, from the command to its end."
)
ROUNDS = 3
TASK = f"kthread_parallel:{GUESTS}"


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    words = (f"arch={bench.arch}", TASK)
    bench.here.doit(*words)  # now kernel and disk are kept, and the seeds known
    runs = _last(bench)
    with bench.space.scratch() as folder:
        seconds = bench.in_turn(
            {
                "script": lambda: _by_script(bench, folder, runs),
                "Parity": lambda: bench.here.doit(*words).seconds,
            }
        )
    name = f"{bench.arch}: {GUESTS} guests by the script against {TASK}"
    return [ratio(name, seconds["script"], seconds["Parity"], None, ("script", "Parity"))]


def _last(bench: Bench) -> list[Run]:
    """The guests of the last command."""
    runs = RunLog(bench.space.build / "report" / "kthread.jsonl").runs()
    return [run for run in runs if run.arch == bench.arch][-GUESTS:]


def _by_script(bench: Bench, folder: Path, runs: Sequence[Run]) -> float:
    """Seconds of the script for these guests; raises InfraError unless it finds that all pass."""
    work = folder / "work"
    work.mkdir()
    shutil.copyfile(bench.space.store.local(runs[0].kernel), work / "kernel")
    began = monotonic()
    output = bench.here.run(
        [str(WAYS / "per_guest.sh"), *(run.command_line for run in runs)], _environment(bench, work, runs[0])
    )
    seconds = monotonic() - began
    passed = [line for line in output.lines if line.startswith("PASS ")]
    if len(passed) != len(runs):
        raise InfraError("the script does not see the guests pass", "\n  ".join(output.lines[-10:]))
    shutil.rmtree(work)
    return seconds


def _environment(bench: Bench, work: Path, run: Run) -> dict[str, str]:
    """The environment variables of the script."""
    machine = suite_run.profile(bench.space, bench.tree, run.arch)
    spec = RunSpec("kthread", run.arch, run.kernel, run.disk, machine, "")
    paths = GuestPaths("/work/kernel", "/guest/disk.img")
    assert run.disk is not None, "the kernel boots from one"
    return {
        "WORK": str(work),
        "QEMU": bench.space.image("qemu").id,
        "EMULATOR": unquoted(
            plain_guest.without_command_line(
                plain_guest.argv(spec, paths, "/guest/console", "/guest/channel")
            )
        ),
        "DISK": str(bench.space.store.local(run.disk)),
        "JOBS": str(bench.lanes),
    }
