"""Quarantine: a file of its own, every mistake in it named with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from parity.core.errors import UserError
from parity.spec import quarantine

TESTS, ARCHS = ("fork_test", "dup_test"), ("aarch64", "x86_64")
GOOD = "{test: fork_test, arch: x86_64, reason: it hangs, ticket: issue 7, expires: 2026-12-31}"


def load(tmp_path: Path, *entries: str) -> quarantine.Quarantine:
    file = tmp_path / "quarantine.yaml"
    file.write_text("quarantine:\n" + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return quarantine.load(file, TESTS, ARCHS)


def test_an_entry_excuses_to_its_last_day(tmp_path: Path) -> None:
    entry = load(tmp_path, GOOD)["x86_64", "fork_test"]
    last, after = date(2026, 12, 31), date(2027, 1, 1)
    assert (entry.expired(last), entry.expired(after)) == (False, True)
    assert entry.sentence(last) == "quarantine until 2026-12-31, issue 7: it hangs"
    assert entry.sentence(after) == "quarantine expired on 2026-12-31, issue 7: it hangs"


def test_no_file_and_an_empty_list_quarantine_nothing(tmp_path: Path) -> None:
    assert quarantine.load(tmp_path / "none.yaml", TESTS, ARCHS) == {}
    file = tmp_path / "quarantine.yaml"
    file.write_text("quarantine: []\n")
    assert quarantine.load(file, TESTS, ARCHS) == {}


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([GOOD, GOOD], "quarantine.yaml:3: fork_test on x86_64 occurs twice"),
        ([GOOD.replace("fork_test", "frok_test")], ":2: no test 'frok_test'; did you mean"),
        ([GOOD.replace("x86_64", "x86-64")], ":2: no architecture 'x86-64'; did you mean 'x86_64'?"),
        ([GOOD.replace("2026-12-31", "31.12.2026")], ":2: a date such as 2027-01-31 expected"),
        ([GOOD.replace("2026-12-31", "2026-02-30")], ":2: a date such as 2027-01-31 expected"),
        ([GOOD.replace(", ticket: issue 7", "")], ":2: key 'ticket' is missing"),
        ([GOOD.replace("issue 7", '""')], ":2: text that is not empty expected"),
        ([GOOD.replace("ticket", "tikcet")], ":2: unknown key 'tikcet'; did you mean 'ticket'?"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, entries: list[str], complaint: str) -> None:
    with pytest.raises(UserError) as caught:
        load(tmp_path, *entries)
    assert complaint in str(caught.value)
