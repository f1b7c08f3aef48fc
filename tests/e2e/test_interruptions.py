"""Commands interrupted at 20 moments, with Ctrl-C and with kill -9, and then a run that simply works.

By default three moments, in a store that knows kernel and disk. All 20, with both signals and on a cold
store, and a row of a table of each:

    pytest -rP tests/e2e/test_interruptions.py --all-moments
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import threading
import time
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from checkout import ROOT, Checkout, dockerfile, image_from
from moments import MOMENTS, Moment, Snapshot
from waiting import Mine, until

from parity.core import host
from parity.docker import images, rootfs
from parity.docker.doctor import ROLES
from parity.docker.engine import Engine
from parity.judge.verdict import Verdict
from parity.report.terminal import Screen
from parity.spec import suite, tree

pytestmark = pytest.mark.docker
KEPT = ("disk:aarch64", "build_kernel:aarch64-testing", "build_kernel:aarch64-kthread_stress_test")
NO_REGISTRY = "127.0.0.1:1/debian:none"
LEFT_OUT = ("trixie-updates main", "trixie-security main")  # so that the base is not the shared one
SIGNALS = (signal.SIGINT, signal.SIGKILL)
COME_S = 1800.0  # for a moment to come; a cold compiler on a busy machine takes minutes


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All moments with both signals, or three, each with one."""
    if metafunc.config.getoption("--all-moments"):
        cases = [(moment, number) for moment in MOMENTS for number in SIGNALS]
    else:
        some = [moment for moment in MOMENTS if moment.in_ci]
        cases = [(moment, SIGNALS[place % 2]) for place, moment in enumerate(some)]
    ids = [f"{moment.name.replace(' ', '_')}-{number.name}" for moment, number in cases]
    metafunc.parametrize(("moment", "number"), cases, ids=ids)


@pytest.fixture
def scene(docker: Engine, tmp_path: Path) -> Iterator[Snapshot]:
    """A checkout with a store, tool images that may be its own, and nothing of it left in Docker."""
    checkout = Checkout.copy(tmp_path / "checkout", tmp_path / "cache")
    mine = Mine.of(docker, checkout.cache, f"parity-test-{uuid.uuid4().hex}")
    yield Snapshot(checkout, mine, lambda: "")
    own = images.load_recipe(checkout.folder, "qemu", docker.architecture()).debian
    if own != images.load_recipe(ROOT, "qemu", docker.architecture()).debian:
        docker.remove_tag(rootfs.name(own, docker.architecture()))
    for image in docker.client.api.images(filters={"label": f"parity.test={mine.unique}"}):
        for tag in image["RepoTags"] or []:
            docker.client.api.remove_image(tag)
    docker.client.images.prune(filters={"label": f"parity.test={mine.unique}", "dangling": True})


def test_a_run_works_after_an_interruption(
    scene: Snapshot,
    moment: Moment,
    number: signal.Signals,
    request: pytest.FixtureRequest,
    docker: Engine,
    here: Checkout,
) -> None:
    cold = request.config.getoption("--all-moments")
    prepare(scene, moment, docker, here, cold=cold)
    seed = random.SystemRandom().randrange(2**32)
    began = time.monotonic()
    with scene.checkout.start(*moment.words) as process:
        after_s, output = interrupt(scene, moment, number, process, random.Random(seed))
    at_s = time.monotonic() - began
    assert process.returncode == (130 if number is signal.SIGINT else -number)
    assert "Traceback" not in output, output
    ended = time.monotonic()
    assert until(lambda: not processes(scene) + running(scene), 30), processes(scene) + running(scene)
    gone_s = time.monotonic() - ended
    if number is signal.SIGINT:
        # Docker removes a lane that has ended, in its own time.
        assert until(lambda: scene.mine.left() == []), scene.mine.left()

    ended = time.monotonic()
    status, output = scene.checkout.doit("test_aarch64")
    assert status == 0, output
    assert_whole(scene, output)
    again_s = time.monotonic() - ended
    cells = (moment.name, number.name, seed, f"{at_s:.1f}", f"{after_s:.2f}", process.returncode)
    print("", *cells, f"{gone_s:.1f}", status, f"{again_s:.1f}", "", sep=" | ")


def prepare(scene: Snapshot, moment: Moment, docker: Engine, here: Checkout, *, cold: bool) -> None:
    """Gives the checkout what is not to be made again, and tool images of its own if it needs some."""
    checkout = scene.checkout
    if cold:
        checkout.take_compiled(here, *(part for part in ("kernel", "programs") if getattr(moment, part)))
        if moment.crates:
            checkout.take_crates()
    else:
        checkout.take_made(*KEPT)
    roles = ROLES if moment.base else ("qemu",) if moment.image else ()
    for role in roles:
        like = images.ensure(docker, role, ROOT, host.cache_dir(), Screen())
        steps = f"LABEL parity.test={scene.mine.unique}\nRUN sleep 4\n"
        (checkout.folder / dockerfile(role)).write_text(image_from(like.id, steps))
    if moment.base:
        recipes = checkout.folder / images.RECIPES
        lines = recipes.read_text().replace("debian:trixie-slim", NO_REGISTRY).splitlines()
        recipes.write_text("\n".join(line for line in lines if not line.endswith(LEFT_OUT)))


def interrupt(
    scene: Snapshot,
    moment: Moment,
    number: signal.Signals,
    process: subprocess.Popen[str],
    chance: random.Random,
) -> tuple[float, str]:
    """Sends the signal when the moment has come; how long after that, in seconds, and all of the output."""
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)  # noqa: PERF402 - it is looked at while it grows

    reader = threading.Thread(target=read)
    reader.start()
    seen = replace(scene, said=lambda: "".join(lines))
    deadline, after_s = time.monotonic() + COME_S, chance.uniform(0, moment.lasts_s)
    while process.poll() is None and not moment.come(seen):
        assert time.monotonic() < deadline, f"it has not come in {COME_S:g} s: {''.join(lines)}"
        time.sleep(0.002)
    if process.poll() is None and not until(lambda: process.poll() is not None, after_s):
        # A terminal sends Ctrl-C to all of a command's processes; killed is the one.
        os.killpg(process.pid, number) if number is signal.SIGINT else process.kill()
    else:
        lines.append("it ended before it could be interrupted")
    process.wait()
    reader.join()
    return after_s, "".join(lines)


def processes(scene: Snapshot) -> list[str]:
    """The processes of the checkout's commands."""
    mark = f"PARITY_CACHE={scene.checkout.cache}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def running(scene: Snapshot) -> list[str]:
    """What runs in containers; one that was never started goes with the next command."""
    return scene.mine.commands() + ["a build"] * scene.mine.builds()


def assert_whole(scene: Snapshot, output: str) -> None:
    """The suite's results are those expected, reports and store are whole, nothing lies about."""
    folder = scene.checkout.folder
    described = tree.load(folder / "trees" / "reference.yaml")
    tests = suite.load(folder / "suites" / f"{described.run.suite}.yaml", described.archs).tests
    expected = {name: str(test.expected["aarch64"]) for name, test in tests.items()}
    assert scene.checkout.verdicts() == expected
    passed = sum(verdict == Verdict.PASS for verdict in expected.values())
    assert f"aarch64: {passed} of {len(expected)} pass" in output
    cases = ET.parse(folder / "build" / "report" / "junit.xml").getroot().iter("testcase")
    assert {case.get("name") for case in cases} == set(expected)
    blobs = scene.stored("blobs/*/*")
    assert len(blobs) > passed
    assert [blob for blob in blobs if hashlib.sha256(blob.read_bytes()).hexdigest() != blob.name] == []
    assert all(json.loads(action.read_text())["outputs"] for action in scene.stored("actions/*/*.json"))
    assert scene.stored("tmp/*") + scene.built("tmp/*") == []
    assert scene.mine.left() == []
