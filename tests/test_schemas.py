"""The committed JSON Schemas are those of today's models, and every YAML file names its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from parity.report import schemas

ROOT = Path(__file__).parent.parent
FILES = [
    file
    for pattern in ("trees/*.yaml", "machines/*.yaml", "suites/*.yaml", "toolchains/*.yaml", "decisions.yaml")
    for file in sorted(ROOT.glob(pattern))
]


@pytest.mark.parametrize("name", schemas.MODELS)
def test_the_committed_schema_is_todays(name: str) -> None:
    committed = (ROOT / "docs" / "schema" / f"{name}.json").read_text(encoding="utf-8")
    assert committed == schemas.render(name), "run: doit schemas"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_yaml_file_names_its_schema(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found is not None
    assert (file.parent / found[1]).resolve().parent == ROOT / "docs" / "schema"
    assert (file.parent / found[1]).is_file()
