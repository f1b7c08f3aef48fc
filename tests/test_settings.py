"""The variables of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.spec.selection import Selection, Shard
from tasks.settings import Settings

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_defaults_come_from_pyproject() -> None:
    settings = Settings.read(PYPROJECT, {})
    assert settings.fresh is False
    assert settings.lanes >= 1
    assert settings.seed is None
    assert settings.arch == "all"


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_a_root_seed_is_any_u64(seed: int) -> None:
    assert Settings.read(PYPROJECT, {"seed": str(seed)}).seed == seed


def test_the_command_line_overrules_them() -> None:
    settings = Settings.read(PYPROJECT, {"fresh": "1", "lanes": "7", "shard": "1/4", "only": "fork*"})
    assert (settings.fresh, settings.lanes, settings.plan) == (True, 7, False)
    assert settings.selection == Selection(only="fork*", shard=Shard(1, 4))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"fersh": "1"}, "unknown variable 'fersh'; did you mean 'fresh'?"),
        ({"fresh": "maybe"}, "fresh=maybe: 0 or 1 expected"),
        ({"lanes": "-1"}, "lanes=-1: a whole number expected"),
        ({"shard": "4"}, "shard=4: INDEX/COUNT expected"),
        ({"seed": "-1"}, "seed=-1: a whole number from 0 to 18446744073709551615 expected"),
        ({"seed": "18446744073709551616"}, "seed=18446744073709551616: a whole number"),
        ({"seed": "0x5"}, "seed=0x5: a whole number"),
        ({"limit": "much"}, "limit=much: a number of GiB expected"),
        ({"lanes": "two"}, "lanes=two: a whole number expected"),
    ],
)
def test_a_mistake_is_told(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        Settings.read(PYPROJECT, given)
    assert complaint in str(caught.value)


def test_a_plan_is_no_default(tmp_path: Path) -> None:
    """Every command would be a success, and nothing would ever run."""
    file = tmp_path / "pyproject.toml"
    file.write_text(PYPROJECT.read_text().replace("\nplan = false", "\nplan = true"), encoding="utf-8")
    with pytest.raises(UserError, match="plan: set it on the command line only"):
        Settings.read(file, {"plan": "0"})
    assert Settings.read(PYPROJECT, {"plan": "1"}).plan


def test_a_default_nobody_reads_is_told_too(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text("[tool.parity]\nfresh = false\nlanes = 0\nspeed = 3\n", encoding="utf-8")
    with pytest.raises(UserError, match="unknown variable 'speed'"):
        Settings.read(file, {})


@pytest.mark.parametrize("value", ["9" * 5000, "9" * 30, "\u0663", "\u00b2", "1e5", " 1"])
@pytest.mark.parametrize("name", ["lanes", "rounds", "shard", "seed", "limit"])
def test_a_number_that_is_none_is_a_mistake_in_few_words(name: str, value: str) -> None:
    text = f"1/{value}" if name == "shard" else value
    with pytest.raises(UserError, match=f"{name}=") as caught:
        Settings.read(PYPROJECT, {name: text})
    assert len(str(caught.value)) < 250
