"""This host: cache directory, process identity, host class, certificates and proxies, files and folders."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from parity.core import lock
from parity.core.errors import MachineError, UserError

_ELSEWHERE = "Set another folder: PARITY_CACHE=/folder"


def cache_dir() -> Path:
    """The folder of the store: PARITY_CACHE, else the user's cache directory.

    The directory need not exist yet.

    Raises:
        UserError: this path cannot be a directory.
    """
    if chosen := os.environ.get("PARITY_CACHE"):
        place = _expanded("PARITY_CACHE", chosen)
    elif base := os.environ.get("XDG_CACHE_HOME"):
        place = _expanded("XDG_CACHE_HOME", base) / "parity"
    else:
        place = _expanded("HOME", "~") / ".cache" / "parity"
    for folder in (place, *place.parents):
        try:
            if not stat.S_ISDIR(folder.stat().st_mode):
                raise UserError(f"the store cannot be in {place}: {folder} is not a folder", _ELSEWHERE)
            break
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise UserError(f"the store cannot be in {place}: {error.strerror}", _ELSEWHERE) from None
    return place


def _expanded(variable: str, text: str) -> Path:
    """The path in an environment variable, with `~` and `~user` expanded."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        what = f"{variable} is not set" if variable == "HOME" else f"{variable}={text}: there is no such user"
        raise UserError(f"{what}, so there is no place for the store", _ELSEWHERE) from None


@dataclass(frozen=True)
class ProcessId:
    """The identity of a process, unique also if its number is used again: pid, start time, boot."""

    pid: int
    start_ticks: int
    boot: str

    def __str__(self) -> str:
        return f"{self.pid}:{self.start_ticks}:{self.boot}"

    @classmethod
    def parse(cls, text: str) -> ProcessId | None:
        """The inverse of ``str``; None if the text has another form."""
        pid, _, rest = text.partition(":")
        start, _, boot = rest.partition(":")
        if not (pid.isdecimal() and start.isdecimal() and boot):
            return None
        return cls(int(pid), int(start), boot)

    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        return self.boot == boot_id() and self.start_ticks == _start_ticks(self.pid)


def this_process() -> ProcessId:
    """The identity of the calling process."""
    start = _start_ticks(os.getpid())
    assert start is not None, "own /proc entry is unreadable"
    return ProcessId(os.getpid(), start, boot_id())


def machine_id() -> str:
    """The identity of this machine, for hosts that share a Docker daemon or a home directory."""
    for file in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            if text := Path(file).read_text().strip():
                return text
        except OSError:
            continue
    return platform.node()


def boot_id() -> str:
    """The kernel's random identifier of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot; None if it has ended or is a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses. It may contain spaces and parentheses.
    fields = stat[stat.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else int(fields[19])


def host_class(accel: str = "tcg") -> str:
    """The class of hosts on which guests behave alike: "architecture/processor/cores/accelerator"."""
    model = _processor() or "unknown"
    words = re.sub(r"\((R|TM|C)\)|@.*|\b(CPU|Processor)\b", " ", model, flags=re.IGNORECASE)
    return f"{platform.machine()}/{'-'.join(words.split())}/{usable_cores()}cpu/{accel}"


def usable_cores() -> int:
    """The number of processors on which this process may run."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    """The processor's name; on Arm, which has none, its implementer and part number."""
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    if "model name" in fields:
        return fields["model name"]
    return " ".join(fields[key] for key in ("CPU implementer", "CPU part") if key in fields)


def ca_bundle() -> Path | None:
    """The file of trusted certificates: from an environment variable, else the system's; None if missing."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"):
        if (chosen := os.environ.get(variable)) and Path(chosen).is_file():
            return Path(chosen).resolve()
    for system in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
        if Path(system).is_file():
            return Path(system).resolve()
    return None


def proxies() -> dict[str, str]:
    """The proxy variables of the environment, unchanged."""
    names = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
    spellings = [spelling for name in names for spelling in (name, name.upper())]
    return {name: os.environ[name] for name in spellings if os.environ.get(name)}


def write_whole(
    place: Path, content: bytes, base: Path, *, lasting: bool = False, remedy: str = "make room there"
) -> None:
    """Writes a file atomically; see `new_file` for `base` and `settle` for `lasting`.

    Raises:
        MachineError: it cannot be written.
    """
    with new_file(base, str(place), remedy) as file:
        file.write(content)
        settle(file, place, lasting=lasting)


@contextlib.contextmanager
def new_file(base: Path, what: str, remedy: str) -> Iterator[BinaryIO]:
    """A temporary file in a scratch folder below `base`; removed at the block's end unless `settle` named it.

    Raises:
        MachineError: `what` cannot be written; `remedy` becomes the hint.
    """
    try:
        with scratch(base) as folder, (folder / "new").open("wb") as file:
            yield file
    except OSError as error:
        raise MachineError(f"{what} cannot be written: {error.strerror}", remedy) from None


def settle(new: BinaryIO, place: Path, *, lasting: bool = False) -> None:
    """Gives a temporary file its name. `lasting`: the content is synced to the disk first, and the file
    becomes readable for all users and writable for none.
    """
    new.flush()
    if lasting:
        os.fsync(new.fileno())
        os.fchmod(new.fileno(), 0o444)
        make_open(place.parent)
    place.parent.mkdir(parents=True, exist_ok=True)
    Path(new.name).replace(place)


def make_open(folder: Path) -> None:
    """Makes a folder and its parents readable for all users, with any umask."""
    if folder.is_dir():
        return
    make_open(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


@contextlib.contextmanager
def scratch(cache: Path) -> Iterator[Path]:
    """An empty folder below the cache; removed at the end, or after a kill by the next ``sweep``."""
    folder, handle = _locked_folder(cache / "tmp")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def sweep(cache: Path) -> int:
    """Removes the scratch folders whose process has ended; returns their number.

    It does not remove a folder that contains a mount point, because the mounted files are not Parity's.
    """
    swept = 0
    for folder in sorted((cache / "tmp").glob("*-*")):
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue  # another sweep was faster
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _mounts_below(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(handle)
    return swept


def abandoned(folder: Path) -> bool:
    """Whether the process of a scratch folder has ended. Raises FileNotFoundError if there is no folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock; the lock ends when this process dies."""
    parent.mkdir(parents=True, exist_ok=True)
    me = this_process()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{me.pid}-{me.start_ticks}-", dir=parent))
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # a sweep removed it before it was locked
        lock.take(handle, fcntl.LOCK_EX, str(folder))  # a sweep may hold it for a moment
        if folder.is_dir():
            return folder, handle
        os.close(handle)


def _mounts_below(folder: Path) -> list[str]:
    table = Path("/proc/self/mountinfo").read_text().splitlines()
    points = (line.split()[4].encode().decode("unicode_escape") for line in table)
    return [point for point in points if Path(point).is_relative_to(folder.resolve())]
