"""The decisions that the project carries, and what is said about wrong ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.spec import decision

DECISIONS = Path(__file__).parent.parent / "decisions.yaml"
ARCHS = ("aarch64", "x86_64")


def test_parallel_boots_are_for_x86_64_only() -> None:
    found = decision.load(DECISIONS, ARCHS)
    ruled_out = decision.ruling_out(found, "boot_parallel", "aarch64")
    assert ruled_out is not None
    assert (ruled_out.id, ruled_out.since) == ("KD-1", date(2026, 2, 1))
    assert str(ruled_out).startswith("KD-1, 2026-02-01: no parallel boots on aarch64: ")
    assert decision.ruling_out(found, "boot_parallel", "x86_64") is None
    assert decision.ruling_out(found, "kthread_parallel", "aarch64") is None


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("since: 2026-02-01", "since: February", "a date such as 2027-01-31 expected"),
        ("rules_out:", "rules_in:", "unknown key 'rules_in'; did you mean 'rules_out'?"),
        ("architectures: [aarch64]", "architectures: [arch64]", "'arch64'; did you mean 'aarch64'?"),
        ("  what: no parallel boots on aarch64\n", "", "key 'what' is missing"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = tmp_path / "decisions.yaml"
    file.write_text(DECISIONS.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=r"decisions\.yaml:\d+: ") as raised:
        decision.load(file, ARCHS)
    assert complaint in str(raised.value)
