import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from parity.core import command
from parity.core.cancellation import Cancellation
from parity.core.errors import MachineError


def test_a_command_gives_its_lines_and_its_status() -> None:
    lines: list[str] = []
    status = command.run(["sh", "-c", "echo one; echo two >&2; exit 3"], lines.append)
    assert (status, lines) == (3, ["one", "two"])


def test_a_command_is_ended_when_nobody_listens_any_more(tmp_path: Path) -> None:
    def on_line(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        command.run(["sh", "-c", f"echo $$ > {tmp_path}/pid; echo x; exec sleep 1000"], on_line)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


@pytest.mark.parametrize("isolated", [False, True])
def test_a_command_dies_with_its_client(isolated: bool, tmp_path: Path) -> None:
    """With kill -9 of the client; isolated, the command's own children die as well."""
    if isolated and os.geteuid() != 0:
        pytest.skip("namespaces take root")
    child = "(sleep 4711 & sleep 4712)" if isolated else "exec sleep 4711"
    program = (
        "import sys; from parity.core import command\n"
        f"command.run(['sh', '-c', 'echo up; {child}'], lambda line: print(line, flush=True), "
        f"isolated={isolated}, env={{'PARITY_TEST': {str(tmp_path)!r}}})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "up\n"
        assert _processes(tmp_path)
        client.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _processes(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _processes(tmp_path) == []


def _processes(mark: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"PARITY_TEST={mark}\0".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.fixture
def fake_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that keeps a log, and installs only after an update, as on a machine without lists."""
    tools = tmp_path / "tools"
    tools.mkdir()
    log = tmp_path / "log"
    apt = tools / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$*" >> {log}\n'
        f"if [ $1 = update ]; then touch {tmp_path}/lists; exit; fi\n"
        f"[ -e {tmp_path}/lists ] || {{ echo E: Unable to locate package; exit 100; }}\n"
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return log


def test_host_packages_that_are_there_are_left_alone(fake_apt: Path) -> None:
    command.require_packages({"dash": "sh", "base-files": "/etc/os-release"}, "a test", print, print)
    assert not fake_apt.exists()


def test_root_gets_missing_host_packages_named_and_installed(
    fake_apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    notes: list[str] = []
    needed = {"dash": "sh", "nonesuch": "no-such-command"}
    command.require_packages(needed, "a test", notes.append, lambda _: None)
    assert notes == ["installing host packages for a test: nonesuch"]
    calls = fake_apt.read_text().splitlines()
    assert calls[1] == "update"
    assert calls[0] == calls[2]
    assert calls[0].startswith("install --yes --no-install-recommends nonesuch")


def test_others_get_the_exact_command(fake_apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineError) as caught:
        command.require_packages({"nonesuch": "no-such-command"}, "a test", print, print)
    assert caught.value.hint is not None
    assert "sudo apt-get install --yes --no-install-recommends nonesuch" in caught.value.hint
    assert not fake_apt.exists()


def test_systems_without_apt_are_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MachineError, match="a test needs nonesuch"):
        command.require_packages({"nonesuch": "no-such-command"}, "a test", print, print)


def test_a_command_has_a_deadline(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"sleep did not end within 0\.2 s: sleep 1000"):
        command.run(["sleep", "1000"], print, timeout_s=0.2)


def test_a_command_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ENDING_S", 0.2)
    with pytest.raises(MachineError, match="did not end within"):
        command.run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], print, timeout_s=0.2)


def test_a_child_that_keeps_the_output_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "ENDING_S", 0.2)
    child = f"setsid sleep 1000 & echo $! > {tmp_path}/pid"
    with pytest.raises(KeyboardInterrupt):
        command.run(["sh", "-c", f"{child}; echo x; exec sleep 1000"], _interrupted)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def _interrupted(_: str) -> None:
    raise KeyboardInterrupt


def test_a_command_ends_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    cancellation = Cancellation()
    monkeypatch.setattr(command, "CANCELLATION", cancellation)
    monkeypatch.setattr(command, "CLEANING_S", 0.2)
    runs: list[Callable[[], int]] = [
        lambda: command.run(["sleep", "1000"], print),
        lambda: command.foreground(["sleep", "100"]),
    ]
    for run in runs:
        timer = threading.Timer(0.2, cancellation.request)
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            run()
        timer.join()


def test_what_a_command_makes_can_be_read_whatever_our_umask(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        command.run(["touch", str(tmp_path / "file")], print)
    finally:
        os.umask(former)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_a_command_that_this_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MachineError, match="cannot run setpriv"):
        command.run(["true"], print)


def test_a_command_that_has_things_to_end_is_ended_as_by_ctrl_c(tmp_path: Path) -> None:
    script = f"trap 'sleep 0.2; touch {tmp_path}/cleaned; exit' INT; echo up; while :; do sleep 0.05; done"
    with pytest.raises(KeyboardInterrupt):
        command.run(["bash", "-c", script], _interrupted, timeout_s=None)
    assert (tmp_path / "cleaned").exists()
