import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from parity.core import host
from parity.core.errors import MachineError
from parity.docker import daemon, engine
from parity.docker.attached import Stream, split_lines
from parity.docker.owner import CLIENT_LABEL, OWNER_LABEL, ROLE_LABEL, current_owner, stale


def test_frames_are_cut_into_lines_per_stream() -> None:
    frames: list[tuple[Stream, bytes]] = [
        ("stdout", b"one\ntw"),
        ("stderr", b"warn"),
        ("stdout", b"o\n\n"),
        ("stderr", b"ing\xff"),
    ]
    assert list(split_lines(iter(frames))) == [
        ("stdout", "one"),
        ("stdout", "two"),
        ("stdout", ""),
        ("stderr", "warning\ufffd"),
    ]


def test_an_owner_is_a_user_and_a_cache_directory(tmp_path: Path) -> None:
    assert current_owner(tmp_path / "a") == current_owner(tmp_path / "a")
    assert current_owner(tmp_path / "a").id != current_owner(tmp_path / "b").id
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert current_owner(tmp_path / "link").id == current_owner(tmp_path / "a").id


def test_labels_name_owner_client_and_role(tmp_path: Path) -> None:
    owner = current_owner(tmp_path)
    labels = owner.labels("lane")
    assert labels == {OWNER_LABEL: owner.id, CLIENT_LABEL: str(host.this_process()), ROLE_LABEL: "lane"}
    assert all(name.startswith("parity.") for name in labels)


@pytest.mark.parametrize(
    ("state", "client", "expected"),
    [
        ("running", "alive", False),
        ("running", "dead", True),
        ("created", "alive", False),
        ("created", "dead", True),
        ("exited", "alive", True),
        ("dead", "alive", True),
        ("running", "none of ours", True),
    ],
)
def test_containers_are_stale_when_they_or_their_client_end(state: str, client: str, expected: bool) -> None:
    me = host.this_process()
    gone = host.ProcessId(me.pid, me.start_ticks - 1, me.boot)
    text = {"alive": str(me), "dead": str(gone)}.get(client, client)
    assert stale({"State": state, "Labels": {CLIENT_LABEL: text}}) is expected


def test_no_docker_is_one_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    with pytest.raises(MachineError, match="Docker is not running here") as caught:
        engine.connect(tmp_path)
    assert caught.value.hint is not None


def test_a_stopped_daemon_is_one_clear_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # the discard service, which nobody runs
    with pytest.raises(MachineError, match="Docker does not answer"):
        engine.connect(tmp_path)


@pytest.fixture
def daemon_of_2019() -> Iterator[str]:
    """Docker Engine 19.03 as far as its version goes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ApiVersion": "1.40", "Version": "19.03.15", "Arch": "amd64"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_old_daemon_is_no_use(
    daemon_of_2019: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", daemon_of_2019)
    with pytest.raises(MachineError, match=r"its API is 1\.40, needed is 1\.41"):
        engine.connect(tmp_path)


def test_a_closed_socket_says_how_to_be_let_in() -> None:
    error = daemon.unreachable(Exception("('Connection aborted.', PermissionError(13, 'Permission denied'))"))
    assert error.message == "Docker is running, but you may not use it"
    assert "usermod" in (error.hint or "")
