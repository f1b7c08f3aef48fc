"""Output that cannot be written does not disturb the work, whose status stays its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PREFIX = f"{sys.executable} -m tasks"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of bash in this checkout, `doit` replaced by Parity's."""
    return subprocess.run(
        ["bash", "-c", line.replace("doit", PREFIX)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("doit list --all | head -1", 0),
        ("doit list --all 2>&1 | true", 0),
        ("doit nosuch 2>&1 | true", 3),
        ("doit list >&-", 0),
        ("doit list >&- 2>&-", 0),
    ],
)
def test_a_reader_that_goes_away_is_no_error(line: str, status: int) -> None:
    done = shell(f"{line}; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (status, "")


def test_a_full_disk_below_the_output_is_said_once() -> None:
    done = shell("doit list > /dev/full")
    assert (done.returncode, done.stderr) == (
        2,
        "error: the output cannot be written: No space left on device\n",
    )


def test_what_the_terminal_cannot_show_is_escaped() -> None:
    done = shell("PYTHONIOENCODING=ascii doit $'\\xff'")
    assert done.returncode == 3
    assert done.stderr.startswith("error: there is no task '\\udcff'")


def test_a_check_whose_reader_has_gone_has_the_tools_status() -> None:
    done = shell("doit check:format | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (0, "")
