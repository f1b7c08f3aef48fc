"""The emulator as started by hand: same machine and guest, but no supervisor and no QMP; two log files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest

from parity.core.errors import InfraError
from parity.docker.engine import Engine, Mount
from parity.spec.machine import GuestPaths, RunSpec, qemu_argv
from parity.store.store import Digest, Store

CONSOLE, CHANNEL = "/dev/shm/console", "/dev/shm/channel"
DISK = "/dev/shm/disk.img"
ENDED_WELL = "Exited(0)"

# Runs emulators one after another and times each inside, so that the container's start is no part of it.
TIMER = """
import json, os, shutil, sys, time
for disk, copy, argv in json.loads(sys.argv[1]):
    shutil.copyfile(disk, copy)
    began = time.monotonic()
    _, status = os.waitpid(os.posix_spawnp(argv[0], argv, os.environ), 0)
    seconds = time.monotonic() - began
    console = open("/dev/shm/console", errors="replace").read()
    print(json.dumps({"seconds": seconds, "status": os.waitstatus_to_exitcode(status), "console": console}))
"""


def argv(spec: RunSpec, paths: GuestPaths, console: str, channel: str) -> list[str]:
    """The emulator's command line without the arguments that only a lane needs; output goes to two files."""
    words = qemu_argv(spec, paths)
    monitor = next(number for number, word in enumerate(words) if word.startswith("socket,id=qmp"))
    del words[monitor - 1 : monitor + 3]  # -chardev socket,id=qmp,… -mon …
    words.remove("-S")  # no QMP, so nothing could send `cont`
    action = words.index("-action")
    del words[action : action + 2]  # nor to look at a machine that has ended
    files = {"console": console, "channel": channel}
    for number, word in enumerate(words):
        for name, file in files.items():
            if word.startswith(f"socket,id={name},"):
                words[number] = f"file,id={name},path={file}"
    return words


def without_command_line(words: Sequence[str]) -> list[str]:
    """The same command line without the kernel's own; the caller may add another `-append`."""
    at = words.index("-append")
    return [*words[:at], *words[at + 2 :]]


def seconds(engine: Engine, image: str, store: Store, specs: Sequence[RunSpec]) -> list[float]:
    """Runs guests in a new container that is no lane; for each its emulator's start to its being reaped.

    Raises:
        InfraError: one did not end as it does in a lane.
    """
    runs, digests = [], set[Digest]()
    for spec in specs:
        assert spec.disk is not None, "tests have disks"
        digests |= {spec.kernel, spec.disk}
        words = argv(spec, GuestPaths(f"/store/{spec.kernel}", DISK), CONSOLE, CHANNEL)
        runs.append((f"/store/{spec.disk}", DISK, words))
    lines: list[str] = []
    engine.run_tool(
        image,
        ["python3", "-I", "-c", TIMER, json.dumps(runs)],
        mounts=[Mount(store.local(digest), f"/store/{digest}") for digest in sorted(digests)],
        on_line=lambda _stream, line: lines.append(line),
    )
    ends = [json.loads(line) for line in lines if line.startswith("{")]
    for spec, end in zip_longest(specs, ends):
        ended_well = f"({spec.program}): {ENDED_WELL}" in end["console"] if end else False
        if not ended_well or end["status"] != spec.machine.power_off_status:
            raise InfraError(f"{spec.test} did not end well in a plain container", "\n  ".join(lines[-10:]))
    return [float(end["seconds"]) for end in ends]
