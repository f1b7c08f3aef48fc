"""The variables of the command line (`doit fresh=1 lanes=2 test_aarch64`): types and defaults.

The defaults are in `[tool.parity]` of pyproject.toml. An unknown variable is a user error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity.core import host
from parity.core.errors import UserError, shown
from parity.core.yamlfile import nearest
from parity.run import stress
from parity.spec.selection import Selection, Shard

KNOWN = (
    "fresh",
    "lanes",
    "plan",
    "only",
    "tag",
    "last_failed",
    "shard",
    "seed",
    "rounds",
    "limit",
    "arch",
    "json",
)

ALL = "all"  # architectures


@dataclass(frozen=True)
class Settings:
    """The values of all variables."""

    fresh: bool  # run tests again that passed with the same inputs, and restart the count for `flaky`
    lanes: int  # number of containers that run guests in parallel
    plan: bool  # list the selected tests, run nothing
    selection: Selection  # only=, tag=, last_failed=, shard=
    seed: int | None  # root of the seeds of many guests; None: a new one per command
    arch: str  # an architecture, or ALL
    rounds: int | None  # repetitions of a benchmark; None: the benchmark's default
    json: bool  # print a trace as JSON
    limit_gib: float  # `doit gc` leaves at most so many GiB of blobs

    @classmethod
    def read(cls, pyproject: Path, given: Mapping[str, str]) -> Settings:
        """Reads the defaults from `pyproject`; `given` overrides them.

        Raises:
            UserError: an unknown variable, or a value that is not of its type.
        """
        defaults = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["parity"]
        for where, names in (("", given), (f"{pyproject.name}: [tool.parity]: ", defaults)):
            for name in names:
                if name not in KNOWN:
                    raise UserError(f"{where}unknown variable {name!r}; {nearest(name, KNOWN)}")
        if _flag("plan", str(defaults["plan"])):
            raise UserError(f"{pyproject.name}: [tool.parity] plan: set it on the command line only")
        values = {**{name: str(value).lower() for name, value in defaults.items()}, **given}
        return cls(
            fresh=_flag("fresh", values["fresh"]),
            lanes=_count("lanes", values["lanes"]) or host.usable_cores(),
            plan=_flag("plan", values["plan"]),
            selection=Selection(
                only=values["only"],
                tag=values["tag"],
                last_failed=_flag("last_failed", values["last_failed"]),
                shard=Shard.parse(values["shard"]) if values["shard"] else None,
            ),
            seed=_seed(values["seed"]) if values["seed"] else None,
            arch=values["arch"],
            rounds=_count("rounds", values["rounds"]) or None,
            json=_flag("json", values["json"]),
            limit_gib=_size("limit", values["limit"]),
        )


def _flag(name: str, text: str) -> bool:
    if text.lower() in ("1", "true", "yes"):
        return True
    if text.lower() in ("0", "false", "no"):
        return False
    raise UserError(f"{name}={shown(text)}: 0 or 1 expected")


def _count(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text):
        raise UserError(f"{name}={shown(text)}: a whole number expected")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) < stress.SEEDS):
        raise UserError(f"seed={shown(text)}: a whole number from 0 to {stress.SEEDS - 1} expected")
    return int(text)


def _size(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise UserError(f"{name}={shown(text)}: a number of GiB expected")
    return float(text)
