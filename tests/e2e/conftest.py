"""What the tests with a real Docker share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import containers

from parity import engine, host, images
from parity.engine import Engine
from parity.report.terminal import Screen

ROOT = Path(__file__).parents[2]


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
