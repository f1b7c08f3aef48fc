"""What the tests with a real Docker share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import own_store
import pytest
from checkout import Checkout
from waiting import containers

from parity.core import host
from parity.docker import engine, images
from parity.docker.engine import Engine
from parity.report.terminal import Screen

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LONG_S, THOROUGH_S = 1800, 7200  # seconds for a test


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known where this folder, or a file in it, is named on the command line."""
    parser.addoption(
        "--all-moments",
        action="store_true",
        help="interrupt commands at all 20 moments, with both signals, on a cold store (an hour or two)",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real builds and guests may take long on a slow machine, above all the first ones."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(
                pytest.mark.timeout(THOROUGH_S if item.get_closest_marker("thorough") else LONG_S)
            )


@pytest.fixture(scope="session", autouse=True)
def here(testrun_uid: str) -> Iterator[Checkout]:
    """A copy of this checkout on the session's own store, which every test and command uses by default."""
    with own_store.opened(host.cache_dir(), testrun_uid) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARITY_CACHE", str(opened.cache))
        yield opened


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Engine]:
    """Docker under an owner of this test's own, which must leave no container."""
    connected = engine.connect(tmp_path)
    yield connected
    left = containers(connected)
    for container in left:
        connected.client.api.remove_container(container, force=True)
    connected.client.close()
    assert left == []


@pytest.fixture
def qemu(docker: Engine) -> images.Image:
    """The qemu image, made where it is missing."""
    return images.ensure(docker, "qemu", ROOT, host.cache_dir(), Screen())
