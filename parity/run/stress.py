"""Many runs of one guest, with a seed each: the confidence interval, and groups of equal failures. Pure.

The seeds follow from one root seed, so that a command can be repeated. The id of a run follows from its
kernel, command line and seed, so that one run can be repeated.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from parity.autopsy.wording import without_numbers
from parity.core.errors import UserError
from parity.core.yamlfile import nearest
from parity.judge.verdict import Verdict
from parity.spec.machine import RunSpec

SEEDS = 2**64
CONFIDENCE = 0.95
HALVINGS = 60  # of the interval 0 to 1: to the last bit of a float


@dataclass(frozen=True)
class Run:
    """One guest of many. Times are seconds; `command_line` holds the seed."""

    id: str
    seed: int
    arch: str
    features: str
    kernel: str
    disk: str | None
    command_line: str
    verdict: str
    cause: str
    guest_s: float | None
    wall_s: float
    log: str
    when: str  # UTC, ISO 8601
    sentence: str | None = None  # of the autopsy, if the guest hung or died
    failure_signature: str | None = None  # its signature

    @property
    def passed(self) -> bool:
        """Whether the run passed."""
        return self.verdict == Verdict.PASS

    @property
    def signature(self) -> str:
        """The same for failures that look alike."""
        return self.failure_signature or signature(self.verdict, self.cause)


def fresh_root() -> int:
    """A new random root seed, 0 to 2**64 - 1."""
    return secrets.randbelow(SEEDS)


def seed(root: int, index: int) -> int:
    """The seed of run `index` (from 0): the first eight bytes, big endian, of SHA-256 over "root:index"."""
    return int.from_bytes(hashlib.sha256(f"{root}:{index}".encode()).digest()[:8], "big")


def specs(like: RunSpec, root: int, count: int) -> list[tuple[int, RunSpec]]:
    """`count` seeds and the guests that run with them: `like`, its command line completed by `seed=`."""
    seeds = [seed(root, index) for index in range(count)]
    return [(each, replace(like, cmdline=f"{like.cmdline} seed={each}")) for each in seeds]


def identity(spec: RunSpec) -> str:
    """The id of a run: 12 hexadecimal digits of the digest of all its inputs."""
    return spec.digest()[:12]


def interval(passed: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The exact (Clopper-Pearson) interval of the pass rate, 0 to 1, for `passed` of `total` >= 1 runs.

    Two-sided where some passed and some did not. Where all or none did, one end is the edge itself and the
    whole of the error is spent on the other: 20 of 20 leaves a failure rate below 13.9 % at 95 %.

    Raises:
        ValueError: there is no such count.
    """
    if not 0 <= passed <= total or total < 1:
        raise ValueError(f"{passed} of {total}")
    tail = 1 - confidence if passed in (0, total) else (1 - confidence) / 2
    low = 0.0 if passed == 0 else _where(lambda p: 1 - _at_most(passed - 1, total, p) >= tail)
    high = 1.0 if passed == total else _where(lambda p: _at_most(passed, total, p) <= tail)
    return low, high


def _where(reached: Callable[[float], bool]) -> float:
    """The rate from which on `reached` holds, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def _at_most(count: int, total: int, rate: float) -> float:
    """The chance of at most `count` passes of `total` at `rate` strictly between 0 and 1."""

    def log_chance(passes: int) -> float:
        ways = math.lgamma(total + 1) - math.lgamma(passes + 1) - math.lgamma(total - passes + 1)
        return ways + passes * math.log(rate) + (total - passes) * math.log1p(-rate)

    return min(1.0, math.fsum(math.exp(log_chance(passes)) for passes in range(count + 1)))


def rate(passed: int, total: int) -> str:
    """The pass rate of `total` >= 1 runs and its confidence interval, in words."""
    low, high = interval(passed, total)
    failing = f"the failure rate is between {100 * (1 - high):.1f} % and {100 * (1 - low):.1f} %"
    return f"({100 * passed / total:.1f} %); {failing} ({100 * CONFIDENCE:.0f} % interval)"


def signature(verdict: str, cause: str) -> str:
    """Verdict and cause without the numbers that differ from run to run; places in a source stay."""
    return f"{verdict}: {without_numbers(cause)}"


def compared(before: Run, again: Run) -> str:
    """The result of a replay, in words."""
    if again.passed is not before.passed:
        return "did not reproduce"
    return "reproduced" if again.passed or again.signature == before.signature else "failed in another way"


def groups(runs: Iterable[Run]) -> list[tuple[str, list[Run]]]:
    """The failures by signature, the most frequent first."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        if not run.passed:
            found.setdefault(run.signature, []).append(run)
    return sorted(found.items(), key=lambda group: -len(group[1]))


def summary(runs: Sequence[Run]) -> list[str]:
    """Rate and interval, then a line per signature; guests without a judgement do not count."""
    judged = [run for run in runs if run.verdict not in (Verdict.INFRA, Verdict.NOT_RUN)]
    lost = len(runs) - len(judged)
    passed = sum(run.passed for run in judged)
    lines = [f"{passed} of {len(judged)} passed" + (f", {lost} could not be judged" if lost else "")]
    if judged:
        lines[0] += f" {rate(passed, len(judged))}"
    return lines + [
        f"{len(found)} × {sign}  (again: doit kthread_replay:{found[0].id})" for sign, found in groups(runs)
    ]


def find(runs: Sequence[Run], name: str) -> Run:
    """The run of that name.

    Raises:
        UserError: there is none.
    """
    for run in runs:
        if run.id == name:
            return run
    raise UserError(f"no run {name!r} is known in this checkout; {nearest(name, [run.id for run in runs])}")
