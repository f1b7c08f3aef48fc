"""Signals at random moments of six commands, and then a run that simply works.

By default one moment per signal. `-m thorough` has 50 per signal, spread over the commands. A failure prints
the seed; `PARITY_SEED` repeats it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import ROOT, Checkout
from moments import Snapshot
from test_interruptions import KEPT, assert_whole, processes, running
from waiting import Mine, until

from parity.docker.engine import Engine

pytestmark = [pytest.mark.docker, pytest.mark.attack]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SOME = [1, pytest.param(50, marks=[pytest.mark.thorough, pytest.mark.timeout(7200)])]
CHANGED = "kernel/core/src/stage.rs"
HEAD = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Command:
    """A command, what must be forgotten or changed so that it has work, and about how long it takes."""

    words: tuple[str, ...]
    lasts_s: float
    forgets: tuple[str, ...] = ()
    changes: bool = False


COMMANDS = (
    Command(("fresh=1", "test_aarch64"), 6),
    Command(("arch=aarch64", "kthread_parallel:6"), 6),
    Command(("build_kernel:aarch64-testing",), 8, changes=True),
    Command(("test_aarch64:cat_test", "disk:aarch64"), 3, forgets=("disk:aarch64",)),
    Command(("gc",), 1.5),
    Command(("arch=aarch64", "compare:HEAD"), 8),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, here: Checkout) -> Checkout:
    """A checkout with a store of its own, what its commands need, and a commit to compare with."""
    folder = tmp_path_factory.mktemp("moments")
    made = Checkout.copy(folder / "checkout", folder / "cache")
    made.take_compiled(here, "kernel", "programs")
    made.take_made(*KEPT)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "as it is")):
        subprocess.run([*HEAD, *words], cwd=made.folder, check=True, capture_output=True)
    made.says("test_aarch64")
    return made


@pytest.mark.parametrize("count", SOME)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_run_is_right_after_a_signal_at_any_moment(
    checkout: Checkout, docker: Engine, number: signal.Signals, count: int
) -> None:
    seed = int(os.environ.get("PARITY_SEED", random.SystemRandom().randrange(2**32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    order = [COMMANDS[(seed + place) % len(COMMANDS)] for place in range(count)]
    for command in order:
        end(checkout, docker, command, number, chance.uniform(0, command.lasts_s))


def end(checkout: Checkout, docker: Engine, command: Command, number: signal.Signals, after_s: float) -> None:
    """Sends a signal to a command after some seconds; the next run must be right, and nothing be left."""
    scene = Snapshot(checkout, Mine.of(docker, checkout.cache, ""), lambda: "")
    if command.forgets:
        checkout.says("forget", *command.forgets)
    source = checkout.folder / CHANGED
    if command.changes:
        source.write_text(source.read_text() + f"// {after_s}\n")
    said = f"{' '.join(command.words)}: {number.name} after {after_s:.2f} s"
    print(said)
    with checkout.start(*command.words) as process:
        if until(lambda: process.poll() is not None, after_s):
            pass  # it was done
        elif number is signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        output, _ = process.communicate(timeout=120)
    # A signal that comes after the last task may find the command at its end.
    assert process.returncode in (0, STATUS.get(number, -number), -number), f"{said}\n{output}"
    assert "Traceback" not in output, f"{said}\n{output}"
    assert until(lambda: not processes(scene) + running(scene), 60), said
    if command.changes:
        source.write_text((ROOT / CHANGED).read_text())
    status, output = checkout.doit("test_aarch64")
    assert status == 0, f"{said}\n{output}"
    assert_whole(scene, output)


@pytest.mark.thorough
def test_the_commands_have_work_to_do(checkout: Checkout) -> None:
    """Without a signal, each of them ends well: else the moments above are moments of an error."""
    for command in COMMANDS:
        if command.forgets:
            checkout.says("forget", *command.forgets)
        checkout.says(*command.words)
    assert Path(checkout.folder / CHANGED).read_text() == (ROOT / CHANGED).read_text()
