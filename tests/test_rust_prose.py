"""Comments of the kernel and the user programs name things and threads, never persons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("kernel/abi", "kernel/arch", "kernel/core", "userspace")
FILES = sorted(
    file for folder in FOLDERS for suffix in ("rs", "S") for file in (ROOT / folder).rglob(f"*.{suffix}")
)
COMMENT = re.compile(r"(?:^|\s)//[/!]?\s(.*)")
PERSONS = re.compile(
    r"\b(who|whom|whoever|whomever|nobody|somebody|someone|everybody|everyone|anybody)\b", re.I
)
RETIRED = re.compile(r"\b(Announced|Dozing|Departure|COVERED|HOPELESS|deaf|whereabouts|turn_is_taken)\b")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_comments_name_no_person_and_retired_names_stay_away(file: Path) -> None:
    lines = list(enumerate(file.read_text(encoding="utf-8").splitlines(), 1))
    comments = [(number, found[1]) for number, line in lines if (found := COMMENT.search(line))]
    assert [f"line {number}: {text}" for number, text in comments if PERSONS.search(text)] == []
    assert [f"line {number}: {line}" for number, line in lines if RETIRED.search(line)] == []
