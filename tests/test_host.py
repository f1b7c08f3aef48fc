import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parity.core import host
from parity.core.errors import MachineError, UserError


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PARITY_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert host.cache_dir() == tmp_path / ".cache" / "parity"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert host.cache_dir() == Path("/elsewhere/parity")
    monkeypatch.setenv("PARITY_CACHE", "~/mine")
    assert host.cache_dir() == tmp_path / "mine"


def test_a_process_is_recognised_until_it_ends() -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        start = host.ProcessId.parse(f"{child.pid}:{_start_ticks(child.pid)}:{host.boot_id()}")
        assert start is not None
        assert start.alive()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not start.alive(), "a zombie holds nothing any more"
    assert not start.alive()


def _start_ticks(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]


def test_a_process_number_used_again_is_another_process() -> None:
    me = host.this_process()
    assert me.alive()
    assert not host.ProcessId(me.pid, me.start_ticks + 1, me.boot).alive()
    assert not host.ProcessId(me.pid, me.start_ticks, "another-boot").alive()


def test_a_process_identity_survives_being_written_down() -> None:
    me = host.this_process()
    assert host.ProcessId.parse(str(me)) == me
    assert host.ProcessId.parse("") is None
    assert host.ProcessId.parse("12:x:boot") is None


def test_the_host_class_names_architecture_cores_and_accelerator() -> None:
    architecture, processor, cores, accel = host.host_class().split("/")
    assert architecture == os.uname().machine
    assert processor
    assert cores == f"{len(os.sched_getaffinity(0))}cpu"
    assert accel == "tcg"
    assert " " not in host.host_class()


def test_certificates_come_from_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "company.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert host.ca_bundle() == bundle


def test_scratch_folders_go_when_the_block_ends(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stop"), host.scratch(tmp_path) as folder:
        (folder / "file").touch()
        assert host.sweep(tmp_path) == 0, "a folder in use is not swept"
        assert folder.exists()
        raise RuntimeError("stop")
    assert not folder.exists()


def test_scratch_folders_of_killed_processes_are_swept(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from parity.core import host\n"
        "with host.scratch(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'big').touch(); print(folder, flush=True); time.sleep(100)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        child.send_signal(signal.SIGKILL)
    assert (folder / "big").exists()
    assert host.sweep(tmp_path) == 1
    assert not folder.exists()
    assert host.sweep(tmp_path) == 0


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting takes root")
def test_what_is_mounted_in_a_scratch_folder_is_never_swept(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from parity.core import host\n"
        "print(host.sweep(Path(sys.argv[1])))\n"
    )
    folder = tmp_path / "tmp" / "1-1-abandoned"
    (folder / "inside").mkdir(parents=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    script = f'mount --bind "{precious}" "{folder}/inside" && exec "{sys.executable}" -c "$0" "{tmp_path}"'
    swept = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, program], capture_output=True, text=True, check=True
    )
    assert swept.stdout.strip() == "0"
    assert (precious / "file").exists()


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "folder" / "file"
    host.write_whole(place, b"first", tmp_path)
    host.write_whole(place, b"second", tmp_path)
    assert place.read_bytes() == b"second"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place]


def test_a_file_that_cannot_be_written_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(MachineError, match="folder/file cannot be written") as caught:
        host.write_whole(tmp_path / "folder" / "file", b"x", tmp_path, remedy="move it")
    assert caught.value.hint == "move it"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["folder"]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from parity.core import host\n"
        "base, content = Path(sys.argv[1]), sys.argv[2].encode() * 100_000\n"
        "for _ in range(100): host.write_whole(base / 'file', content, base)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), text]) for text in "ab"]
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "file").exists():
            assert (tmp_path / "file").read_bytes() in (b"a" * 100_000, b"b" * 100_000)
    assert [writer.wait() for writer in writers] == [0, 0]


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("PARITY_CACHE", "/etc/passwd", "/etc/passwd is not a folder"),
        ("PARITY_CACHE", "/etc/passwd/below", "/etc/passwd is not a folder"),
        ("PARITY_CACHE", "~no-such-user/x", "PARITY_CACHE=~no-such-user/x: there is no such user"),
        ("XDG_CACHE_HOME", "~no-such-user", "there is no such user"),
        ("HOME", "/dev/null", "/dev/null is not a folder"),
        ("PARITY_CACHE", "/" + "x" * 5000, "File name too long"),
    ],
)
def test_a_place_that_cannot_hold_a_store_is_a_mistake(
    variable: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PARITY_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=re.escape(complaint)) as caught:
        host.cache_dir()
    assert "PARITY_CACHE=/folder" in str(caught.value)


def test_without_a_home_the_store_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("PARITY_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", nobody)
    with pytest.raises(UserError, match="HOME is not set"):
        host.cache_dir()


def test_what_lasts_can_be_read_by_guests_whatever_our_umask(tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        host.write_whole(tmp_path / "blobs" / "ab" / "abcd", b"x", tmp_path, lasting=True)
    finally:
        os.umask(former)
    modes = [(tmp_path / place).stat().st_mode & 0o777 for place in ("blobs", "blobs/ab", "blobs/ab/abcd")]
    assert modes == [0o755, 0o755, 0o444]
