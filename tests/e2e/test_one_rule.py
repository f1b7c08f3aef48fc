"""A line of Parity itself changes, and what it decides is decided again, and nothing else: real guests.

On the session's store. Every text that is put in is new to it.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from checkout import Checkout

from parity.core import host

pytestmark = pytest.mark.docker
TASK = "test_aarch64:true_test"
GUEST = re.compile(r"^\d+/\d+ \w+ (\w+) aarch64", re.MULTILINE)
MADE = re.compile(r"^(?!test )(\w+).*: done in", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """A change of a module: what it replaces, what `why` says of it, the stages that are made again."""

    module: str
    old: str
    new: str
    says: str
    made: tuple[str, ...] = ()
    guests: tuple[str, ...] = ("true_test",)


RULES = (
    Rule("judge/verdict", '"""', '"""{mark} ', "test true_test aarch64: the judge's rules changed"),
    Rule("judge/serial", '"""', '"""{mark} ', "test true_test aarch64: the judge's rules changed"),
    Rule("autopsy/diagnose", '"""', '"""{mark} ', "test true_test aarch64: the autopsy's rules changed"),
    Rule("guest/supervisor", '"""', '"""{mark} ', "test true_test aarch64: the supervisor changed"),
    # The lane, which is among the judge's rules, uses it as well.
    Rule("guest/streams", '"""', '"""{mark} ', "  the supervisor changed"),
    Rule(
        "spec/machine",
        'f"{spec.test.replace',
        'f"{{spec.test}}-{mark},debug-threads=on"]\n    argv += ["-name", f"{{spec.test.replace',
        "test true_test aarch64: the emulator's arguments changed",
    ),
    Rule(
        "build/disk",
        '"""',
        '"""{mark} ',
        "programs as loaded aarch64: recipe changed",
        ("programs", "disks"),
        (),
    ),
)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    copy = Checkout.copy(tmp_path / "checkout", host.cache_dir())
    copy.says(TASK)
    assert GUEST.findall(copy.says(TASK)) == []
    return copy


@pytest.mark.parametrize("rule", RULES, ids=[rule.module for rule in RULES])
def test_what_a_rule_decides_is_decided_again(checkout: Checkout, rule: Rule) -> None:
    checkout.replace(f"parity/{rule.module}.py", rule.old, rule.new.format(mark=uuid.uuid4().hex))
    said = checkout.says(f"why:{TASK}")
    assert rule.says in said, said
    said = checkout.says(TASK)
    assert tuple(MADE.findall(said)) == rule.made, said
    assert tuple(GUEST.findall(said)) == rule.guests, said
    assert GUEST.findall(checkout.says(TASK)) == []


def test_what_cargo_is_told_is_in_the_key_of_what_it_compiles(checkout: Checkout) -> None:
    checkout.replace("parity/build/cargo.py", 'INCREMENTAL": "0",', 'INCREMENTAL": "0",\n    "MARK": "new",')
    said = checkout.says(f"why:{TASK}")
    for what in ("kernel aarch64-testing", "userspace aarch64"):
        assert f"{what}: environment: MARK is new" in said, said


def test_a_record_of_another_version_makes_what_passed_run_again(checkout: Checkout) -> None:
    checkout.replace(
        "parity/judge/verdict.py", '"""', f'"""{uuid.uuid4().hex} '
    )  # a key that nobody else uses
    checkout.says(TASK)
    recording = checkout.row("true_test")["log"].rpartition("-")[2].removesuffix(".log")
    places = checkout.cache.glob("evidence/*/*.jsonl")
    (place,) = [path for path in places if f'"recording": "{recording}' in path.read_text()]
    theirs = json.dumps({**json.loads(place.read_text()), "format": 99, "verdict": "fail"})
    with place.open("a") as file:
        file.write(f"{theirs}\n")
    said = checkout.says(TASK)
    assert GUEST.findall(said) == ["true_test"] and "damaged or of another version" in said
    said = checkout.says(TASK)
    assert GUEST.findall(said) == [] and "1 unreadable records" in checkout.row("true_test")["cause"]
    assert theirs in place.read_text()
