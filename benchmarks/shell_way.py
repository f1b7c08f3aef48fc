"""The way kernels are often tested, a shell script, against Parity."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks import plain_guest
from benchmarks.bench import WAYS, Bench, Checkout, unquoted
from benchmarks.figure import Aim, Figure, ratio
from parity.build import cargo_build, disk
from parity.core.errors import InfraError
from parity.run import suite_run
from parity.spec.machine import GuestPaths

WHAT = (
    "Three tests by ways/per_test.sh (for each the kernel's source is edited and built in a warm target"
    " folder, a container started, its log looked at once a second and given two seconds more) against "
    "`doit fresh=1` with the three tests, whose kernel is kept: the whole command ÷ 3."
)
ROUNDS = 3
TESTS = 3
LINE = re.compile(r"(PASS|UNKNOWN) (\S+) (\d+) ms")


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    names = bench.tests(bench.arch)[:TESTS]
    words = [f"test_{bench.arch}:{name}" for name in names]
    bench.here.doit(*words)  # now all that they need is kept
    cargo_build.fetch(bench.space, bench.tree)
    with bench.copy() as copy:
        env = _environment(bench, copy, names[0])
        _by_script(copy, env, names[:1])  # fills the compiler's cache
        seconds = bench.in_turn(
            {
                "script": lambda: _by_script(copy, env, names) / TESTS,
                "Parity": lambda: bench.here.doit("fresh=1", *words).seconds / TESTS,
            }
        )
    name = f"{bench.arch}: a test by the script against one by Parity"
    arms = ("script", "Parity")
    return [ratio(name, seconds["script"], seconds["Parity"], Aim(15, at_least=True), arms)]


def _by_script(copy: Checkout, env: dict[str, str], names: Sequence[str]) -> float:
    """Seconds of the script for these tests; raises InfraError unless it finds that all pass."""
    output = copy.run([str(WAYS / "per_test.sh"), *names], env)
    found = [match for line in output.lines if (match := LINE.fullmatch(line))]
    if [match[2] for match in found if match[1] == "PASS"] != list(names):
        raise InfraError("the script does not see the tests pass", "\n  ".join(output.lines[-10:]))
    return output.seconds


def _environment(bench: Bench, copy: Checkout, name: str) -> dict[str, str]:
    """The environment variables of the script."""
    space, tree, arch = bench.space, bench.tree, bench.arch
    (spec,) = bench.specs(arch, [name])
    work = copy.root.parent / "work"
    (work / "target").mkdir(parents=True)
    paths = GuestPaths("/work/kernel", "/work/disk.img")
    emulator = plain_guest.argv(spec, paths, "/work/console", "/work/channel")
    features = tree.feature_sets[tree.run.features].features
    programs = suite_run.programs(space, tree, arch)
    return {
        "SOURCE": str(copy.root),
        "WORK": str(work),
        "CARGO_HOME": str((copy.cache / "cargo").resolve()),
        "TOOLCHAIN": space.image("toolchain").id,
        "QEMU": space.image("qemu").id,
        "BUILD": unquoted(["--frozen", *cargo_build.cargo_arguments(tree.kernel, arch, features)]),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(tree.kernel.rustflags),
        "KERNEL": str(Path(tree.kernel.targets[arch], "release", tree.kernel.binary or "")),
        "EMULATOR": unquoted(plain_guest.without_command_line(emulator)),
        "DISK": str(space.store.local(disk.whole(space, tree, arch, programs))),
    }
