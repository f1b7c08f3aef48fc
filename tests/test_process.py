"""Signals at any moment: the status says which, one line says that, and nothing goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.attack

ROOT = Path(__file__).parent.parent
WAITS = Path(__file__).with_name("waits.py")
DOIT = Path(sys.executable).parent / "doit"
DEADLINE_S = 60.0


def _as_from_a_terminal() -> None:
    """Ctrl-C is ignored in what a shell starts in the background, and inherited from there."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def started(*argv: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own; killed at the end of the block."""
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        preexec_fn=_as_from_a_terminal,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def waiting(folder: Path, way: str) -> tuple[str, ...]:
    return (sys.executable, str(WAITS), str(folder), way)


def marked(mark: str) -> list[str]:
    """The processes that a variable's value shows to be a command's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"PARITY_TEST={mark}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def interrupt_at(folder: Path, after_s: float, number: signal.Signals = signal.SIGINT) -> str:
    """Interrupts a command so long after it began to wait; what it said."""
    with started(*waiting(folder, "all"), PARITY_TEST=str(folder)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        time.sleep(after_s)
        os.killpg(process.pid, number)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 128 + number, output
    assert list((folder / "tmp").glob("*")) == []
    assert marked(str(folder)) == []
    return output


def at_random(folder: Path, count: int) -> None:
    """So many, a few at once, as that makes them meet more of the moments in which little time is spent."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    moments = [(folder / f"{number}", chance.uniform(0, 0.4)) for number in range(count)]
    for own, after_s in moments:
        own.mkdir()
        print(f"seed {seed}, moment {own.name}: {after_s:.4f} s")
    with ThreadPoolExecutor(4) as interrupting:
        said = list(interrupting.map(lambda moment: interrupt_at(*moment), moments))
    assert said == ["interrupted\n"] * count


def test_waits_interrupted_at_20_random_moments_end(tmp_path: Path) -> None:
    at_random(tmp_path, 20)


@pytest.mark.thorough
@pytest.mark.timeout(3600)
def test_waits_interrupted_at_300_random_moments_end(tmp_path: Path) -> None:
    at_random(tmp_path, 300)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_a_command_as_ctrl_c_does(tmp_path: Path, number: signal.Signals) -> None:
    assert interrupt_at(tmp_path, 0.1, number) == "interrupted\n"


def test_a_second_signal_changes_nothing(tmp_path: Path) -> None:
    with started(*waiting(tmp_path, "all")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, output) == (130, "interrupted\n")


def test_the_third_signal_ends_what_nothing_else_ends(tmp_path: Path) -> None:
    with started(*waiting(tmp_path, "stuck")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.3)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, output) == (130, "interrupted: ended at once\n")


def test_what_does_not_end_is_ended_with_its_stacks(tmp_path: Path) -> None:
    script = (
        "import runpy, sys; from tasks import __main__ as main; main.GRACE_S = 0.2\n"
        f"sys.argv = {[str(WAITS), str(tmp_path), 'stuck']}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    with started(sys.executable, "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert output.startswith("interrupted: the command did not end within 0.2 s after the signal\n")
    assert "in stuck" in output


def test_a_command_interrupted_while_it_loads_says_one_line() -> None:
    """At any moment of its first quarter second, and a little more where the machine is slow."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)
    for number in range(8):
        after_s = chance.uniform(0, 0.25)
        print(f"seed {seed}, moment {number}: {after_s:.4f} s")
        with started(str(DOIT), "list") as process:
            time.sleep(after_s)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=DEADLINE_S)
        if process.returncode == -signal.SIGINT:  # before the shell's first command, or between two programs
            assert output == ""
        else:
            assert process.returncode == 130, output
            assert output.splitlines()[-1] == "interrupted"
            assert "Traceback" not in output


def test_what_ignores_hang_ups_from_the_beginning_goes_on(tmp_path: Path) -> None:
    with started("nohup", *waiting(tmp_path, "all")) as process:
        assert process.stdout is not None
        while process.stdout.readline() != "up\n":
            pass
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=DEADLINE_S) == 130
