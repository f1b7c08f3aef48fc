"""Every class of exception at every stage of a command: one status, one line, no traceback but a bug's."""

from __future__ import annotations

import errno
import os
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import docker.errors
import pytest
import requests
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from parity.core.cancellation import Cancellation
from parity.core.errors import BuildError, InfraError, MachineError, ParityError, RevisionError, UserError
from tasks import ends, graph, reporter, session
from tasks.doitdb import MemoryDB

ROOT = Path(__file__).parent.parent
BUG = "a bug in Parity"


def refused(number: int) -> OSError:
    return OSError(number, os.strerror(number), "/place")


ERRORS: list[tuple[BaseException, int, str]] = [
    (ParityError("words"), 2, "words"),
    (UserError("words", file="x.yaml", line=3), 3, "x.yaml:3: words"),
    (MachineError("words", "hint"), 2, "hint"),
    (BuildError("words", output="error[E0425]"), 2, "words"),
    (RevisionError("words"), 125, "words"),
    (InfraError("words"), 2, "words"),
    (refused(errno.ENOSPC), 2, "the disk is full: /place"),
    (refused(errno.EACCES), 2, "no permission: /place"),
    (refused(errno.EROFS), 2, "the file system is read-only: /place"),
    (refused(errno.ENOTDIR), 2, "a file is where a folder is needed: /place"),
    (refused(errno.EEXIST), 2, "a file or folder exists already: /place"),
    (refused(errno.EMFILE), 2, "too many open files in this process: /place"),
    (refused(errno.ENOENT), 2, BUG),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), 2, "the other end broke the connection"),
    (ConnectionResetError(errno.ECONNRESET, "reset"), 2, "the other end broke the connection"),
    (MemoryError(), 2, "no memory"),
    (RecursionError("too deep"), 2, BUG),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), 2, BUG),
    (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"), 2, BUG),
    (ValueError("\udcff"), 2, BUG),
    (KeyError("x"), 2, BUG),
    (AssertionError(), 2, BUG),
    (SystemExit(0), 2, BUG),
    (SystemExit(1), 2, BUG),
    (docker.errors.APIError("500 Server Error"), 2, "Docker does not answer as it should"),
    (docker.errors.DockerException("what"), 2, "Docker does not answer as it should"),
    (requests.exceptions.ReadTimeout("late"), 2, "Docker does not answer as it should"),
    (requests.exceptions.ConnectionError("gone"), 2, "Docker does not answer as it should"),
    (InvalidCommand("words"), 3, "words"),
    (InvalidDodoFile("words"), 3, "words"),
    (InvalidTask("words"), 3, "words"),
    (tomllib.TOMLDecodeError("words"), 3, "pyproject.toml: words"),
    (KeyboardInterrupt(), 130, ""),
]


def raising(error: BaseException) -> Callable[..., NoReturn]:
    def function(*_: Any) -> NoReturn:
        raise error

    return function


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in which everything is this one's, but for what is built."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for each in ROOT.iterdir():
        if each.name not in ("build", ".git", ".venv"):
            (folder / each.name).symlink_to(each)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))  # doit adds the folder to it
    monkeypatch.delitem(sys.modules, "dodo", raising=False)
    return folder


def ran(*words: str) -> int:
    """The exit status of a command, which is run as always: not in the main thread."""
    statuses: list[int] = []
    thread = threading.Thread(
        target=lambda: statuses.append(ends.guarded(lambda: ends.Main().run(list(words))))
    )
    thread.start()
    thread.join()
    sys.modules.pop("dodo", None)
    return statuses[0]


def in_loading(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(session, "begin", raising(error))


def in_creating(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(graph, "task_report", raising(error))


def in_an_action(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(graph, "task_report", lambda: session.task("report", "words", raising(error)))


def in_the_reporter(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    in_an_action(patch, ParityError("of the action"))
    patch.setattr(reporter.Reporter, "add_failure", raising(error))


def in_closing(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(graph, "task_report", lambda: session.task("report", "words", lambda: None))
    patch.setattr(MemoryDB, "dump", raising(error))


STAGES = [in_loading, in_creating, in_an_action, in_the_reporter, in_closing]


@pytest.mark.parametrize(("error", "status", "words"), ERRORS, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize("stage", STAGES)
def test_every_error_has_its_status_and_its_line(
    stage: Callable[[pytest.MonkeyPatch, BaseException], None],
    error: BaseException,
    status: int,
    words: str,
    begun: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage(monkeypatch, error)
    if stage is in_the_reporter and isinstance(error, InvalidTask):
        status = 2  # doit's own business by then
    assert ran("report") == status
    said = "".join(capsys.readouterr())
    assert words in said
    assert "Traceback" not in said
    assert ("error:" in said) is bool(words) or stage is in_the_reporter
    reports = list((begun / "build" / "bug-reports").glob("*"))
    assert len(reports) == (1 if words == BUG else 0)
    assert all("Traceback" in report.read_text() for report in reports)


@pytest.mark.parametrize("words", [("list",), ("clean", "report"), ("forget", "report"), ("info", "report")])
def test_all_commands_of_doit_have_the_table(
    words: tuple[str, ...], begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    in_creating(monkeypatch, refused(errno.EACCES))
    assert ran(*words) == 2
    assert "".join(capsys.readouterr()).startswith("error: no permission: /place\n")


def test_a_bug_that_cannot_be_written_down_is_printed(
    begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (begun / "build").touch()
    in_loading(monkeypatch, KeyError("x"))
    assert ran("report") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raised", "status", "expected"),
    [
        ([], 0, 0),
        ([], 1, 1),
        ([RevisionError("a")], 2, 125),
        ([RevisionError("a"), MachineError("b")], 2, 2),
        ([RevisionError("a"), UserError("b")], 2, 3),
        ([BuildError("a")], 2, 2),
    ],
)
def test_125_is_a_commit_that_does_not_build_and_nothing_else(
    raised: list[ParityError], status: int, expected: int
) -> None:
    assert ends.of_actions(status, raised) == expected


def test_a_broken_pyproject_is_a_users_mistake(begun: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (begun / "pyproject.toml").unlink()
    (begun / "pyproject.toml").write_text("[tool.doit\n")
    assert ran("report") == 3
    assert capsys.readouterr().err.startswith("error: pyproject.toml: ")


def test_a_pyproject_that_is_no_text_is_a_users_mistake(
    begun: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (begun / "pyproject.toml").unlink()
    (begun / "pyproject.toml").write_bytes(b"\xff")
    assert ran("report") == 3
    assert capsys.readouterr().err == "error: pyproject.toml is not UTF-8\n"


@pytest.mark.parametrize("stage", [in_creating, in_an_action, in_closing])
def test_what_is_woken_up_for_the_end_may_complain(
    stage: Callable[[pytest.MonkeyPatch, BaseException], None],
    begun: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cancellation = Cancellation()
    monkeypatch.setattr(ends, "CANCELLATION", cancellation)
    monkeypatch.setattr(session, "CANCELLATION", cancellation)

    def ask(*_: Any) -> None:
        cancellation.request()
        raise MachineError("Docker lost a container")

    stage(monkeypatch, KeyError())
    if stage is in_creating:
        monkeypatch.setattr(graph, "task_report", ask)
    elif stage is in_an_action:
        monkeypatch.setattr(graph, "task_report", lambda: session.task("report", "words", ask))
    else:
        monkeypatch.setattr(MemoryDB, "dump", ask)
    assert ran("report") == 130
    assert "".join(capsys.readouterr()) == ""
