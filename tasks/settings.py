"""The variables of the command line (`doit fresh=1 lanes=2 test_aarch64`), their types and their defaults.

Defaults stand in `[tool.parity]` of pyproject.toml. A variable that nobody reads is a user's mistake.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity import host, stress
from parity.errors import UserError, shown
from parity.selection import Selection, Shard
from parity.yamlfile import nearest

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
    """What can be said on the command line."""

    fresh: bool  # run again even what passed under the same key, and count flakes anew
    lanes: int  # containers that run guests side by side
    plan: bool  # list what is selected, run nothing
    selection: Selection  # only=, tag=, last_failed=, shard=
    seed: int | None  # the root that the seeds of many guests follow from; None: a fresh one per command
    arch: str  # the architecture that the command is about, or ALL
    rounds: int | None  # repetitions of a benchmark; None: each its own number
    json: bool  # what is asked for as JSON, where that can be
    limit_gib: float  # what `doit gc` leaves of the store's blobs

    @classmethod
    def read(cls, pyproject: Path, given: Mapping[str, str]) -> Settings:
        """Defaults from `pyproject`, overruled by the variables given.

        Raises:
            UserError: an unknown variable, or a value that is not of its type.
        """
        defaults = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["parity"]
        for source, names in (("variable", given), (f"{pyproject.name}: [tool.parity]", defaults)):
            for name in names:
                if name not in KNOWN:
                    raise UserError(f"{source} {name!r} is read by nobody; {nearest(name, KNOWN)}")
        if _flag("plan", str(defaults["plan"])):
            raise UserError(f"{pyproject.name}: [tool.parity] plan: only a command may ask for a plan")
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
