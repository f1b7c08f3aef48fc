"""The commands that README and the pages in docs/ name: each exists, and those of their `sh` blocks run."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from checkout import ROOT, Checkout

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"`(?:\./)?doit((?: [^`]+)?)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
# What follows the colon of these is no fixed name.
OPEN = {
    "compare",
    "kthread_parallel",
    "kthread_replay",
    "boot_parallel",
    "boot_strict_aarch64",
    "boot_strict_x86_64",
}
OF_DOIT = {"list", "forget", "clean", "--all"}


def commands() -> list[tuple[str, str]]:
    """Every command named in a page, with the page's name."""
    return [(page.name, found[1]) for page in PAGES for found in COMMAND.finditer(page.read_text("utf-8"))]


@pytest.fixture(scope="module")
def tasks(here: Checkout) -> set[str]:
    return set(here.says("list", "--all", "-q").split())


@pytest.fixture(scope="module")
def variables() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["parity"])


@pytest.mark.parametrize(("page", "words"), commands())
def test_a_command_that_a_page_names_exists(
    tasks: set[str], variables: set[str], page: str, words: str
) -> None:
    for word in shlex.split(words.partition("|")[0].replace("<", "_").replace(">", "_")):
        name, equals, _ = word.partition("=")
        if equals:
            assert name in variables
            continue
        base = word.partition(":")[0]
        known = word in tasks or word in OF_DOIT or base in OPEN or ("_" in word and base in tasks)
        assert known or re.fullmatch(r"\w*__?\w*_", base), f"{page}: {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_readme_has_the_two_commands_that_ci_and_newcomers_run() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert [block.strip() for block in blocks] == ["./doit test_aarch64 test_x86_64", "./doit check"]
