"""The rules that decide are in the keys: which modules they are, and what a change of one changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parity.build import disk, uefi
from parity.core import code_digest
from parity.run import evidence_runner

FILES = {
    "parity/judge.py": "from parity import rule, tool\nimport json\n",
    "parity/rule.py": "from parity.deep.fact import Fact\nfrom parity import (\n    word as words,\n)\n",
    "parity/deep/fact.py": "import parity.tool\n",
    "parity/word.py": "",
    "parity/tool.py": "from parity.other import Thing\n",
    "parity/other.py": "",
}
ALL = ["parity.deep.fact", "parity.judge", "parity.other", "parity.rule", "parity.tool", "parity.word"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small library."""
    for name, text in FILES.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return tmp_path


def test_what_a_module_needs_is_all_that_it_imports_and_what_that_does(root: Path) -> None:
    assert code_digest.needed(["parity.judge"], root=root) == ALL
    without = code_digest.needed(["parity.judge"], ["parity.tool"], root)
    assert without == [name for name in ALL if name not in ("parity.tool", "parity.other")]


@pytest.mark.parametrize("changed", [*FILES, None])
def test_one_line_changes_the_digest_of_what_it_is_in_and_no_other(root: Path, changed: str | None) -> None:
    before = {name: code_digest.of([name], root) for name in ALL}
    if changed:
        (root / changed).write_text(FILES[changed] + "# one line\n")
    after = {name: code_digest.of([name], root) for name in ALL}
    differ = [f"{name.replace('.', '/')}.py" for name in ALL if before[name] != after[name]]
    assert differ == ([changed] if changed else [])


def test_the_judges_rules_are_all_that_a_verdict_goes_by() -> None:
    rules = set(code_digest.needed(evidence_runner.RULES, evidence_runner.NO_RULES))
    decides = {
        *(f"judge.{name}" for name in ("verdict", "state", "channel", "event", "serial")),
        "guest.guest",
        "guest.observer",
        "guest.lane",
        "autopsy.diagnose",
    }
    assert {f"parity.{name}" for name in decides} <= rules
    assert not {name for name in rules if name.startswith(("parity.report", "parity.build.workspace"))}


@pytest.mark.parametrize(
    "module",
    [
        "judge/verdict",
        "judge/state",
        "guest/guest",
        "judge/serial",
        "autopsy/diagnose",
        "autopsy/thread_table",
    ],
)
def test_a_line_in_a_rule_is_in_the_digest_that_it_belongs_to(tmp_path: Path, module: str) -> None:
    shutil.copytree(Path(code_digest.ROOT, "parity"), tmp_path / "parity")
    before = evidence_runner.rules(tmp_path)
    place = tmp_path / "parity" / f"{module}.py"
    place.write_text(place.read_text() + "# one line\n")
    after = evidence_runner.rules(tmp_path)
    (changed,) = [name for name in before if before[name] != after[name]]
    assert changed == ("the autopsy's rules" if module.startswith("autopsy") else "the judge's rules")


def test_what_makes_an_image_is_in_its_recipe() -> None:
    assert code_digest.of(["parity.build.disk"]) == disk.RECIPE
    assert code_digest.of(["parity.build.uefi"]) == uefi.RECIPE
