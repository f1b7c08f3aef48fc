"""Which daemon: the one that the docker command would use."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import docker.errors
import pytest

from parity import daemon
from parity.errors import MachineError, UserError


class AskedError(Exception):
    """Carries the arguments of the client that would have been made."""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of ~/.docker, and clients that only say whom they would ask."""

    def client(**arguments: object) -> None:
        raise AskedError(arguments.get("base_url"))

    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(docker, "DockerClient", client)
    monkeypatch.setattr(daemon, "DEFAULT_SOCKET", f"unix://{sock(tmp_path / 'default')}")
    return tmp_path / ".docker"


def sock(place: Path) -> Path:
    """A socket's file."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))
    return place


def add_context(config: Path, name: str, host: str) -> None:
    """What `docker context create` writes."""
    folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta))


def use(config: Path, name: str) -> None:
    """What `docker context use` writes."""
    config.mkdir(exist_ok=True)
    (config / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


def asked() -> object:
    with pytest.raises(AskedError) as caught:
        daemon.reach()
    return caught.value.args[0]


def test_without_a_choice_it_is_this_machines(config: Path) -> None:
    assert asked() is None
    use(config, "default")
    assert asked() is None


def test_the_context_in_use_is_asked(config: Path) -> None:
    address = f"unix://{sock(config.parent / 'other')}"
    add_context(config, "other", address)
    use(config, "other")
    assert asked() == address


def test_a_variable_overrules_the_context_in_use(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(config, "far", "tcp://192.0.2.1:2375")
    use(config, "gone")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert asked() == "tcp://192.0.2.1:2375"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert asked() is None


def test_a_context_needs_no_configuration_beside_it(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(config, "far", "tcp://192.0.2.1:2375")
    assert not (config / "config.json").exists()
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    assert asked() == "tcp://192.0.2.1:2375"


def test_the_configuration_may_lie_elsewhere(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    add_context(elsewhere, "far", "tcp://192.0.2.1:2375")
    use(elsewhere, "far")
    monkeypatch.setenv("DOCKER_CONFIG", str(elsewhere))
    assert asked() == "tcp://192.0.2.1:2375"


def test_the_address_in_the_environment_comes_first(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(config, "far", "tcp://192.0.2.1:2375")
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.2:2375")
    assert asked() == "tcp://192.0.2.2:2375"


@pytest.mark.parametrize("by_variable", [True, False])
def test_a_context_that_is_not_there_is_a_users_mistake(
    config: Path, by_variable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(config, "gone")
    if by_variable:
        monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    where = "DOCKER_CONTEXT" if by_variable else r"config\.json"
    with pytest.raises(UserError, match=f"no Docker context 'gone', which .*{where} names"):
        daemon.reach()


def test_a_damaged_context_is_named(config: Path) -> None:
    add_context(config, "far", "tcp://192.0.2.1:2375")
    (file,) = config.glob("contexts/meta/*/meta.json")
    file.write_text("{")
    use(config, "far")
    with pytest.raises(MachineError, match="the Docker context 'far' cannot be read"):
        daemon.reach()


def test_a_daemon_without_our_files_is_called_that() -> None:
    words = 'invalid mount config for type "bind": bind source path does not exist: /work/checkout'
    with (
        pytest.raises(
            MachineError, match=r"does not see the files of this machine: /work/checkout"
        ) as caught,
        daemon.daemon_errors("start a container"),
    ):
        raise docker.errors.APIError("400 Client Error", explanation=words)
    assert "docker context ls" in (caught.value.hint or "")
