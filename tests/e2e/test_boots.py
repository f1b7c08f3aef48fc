"""Many boots of one kernel, and one boot of every kernel."""

from __future__ import annotations

import re

import pytest
from checkout import Checkout

pytestmark = pytest.mark.docker


def test_strict_boots_are_counted(here: Checkout) -> None:
    said = here.says("boot_strict_aarch64:6", "boot_strict_x86_64:4")
    assert "aarch64: 6 of 6 boots reached user space" in said
    assert "x86_64: 4 of 4 boots reached user space" in said


def test_parallel_boots_have_a_row_each_and_a_rate(here: Checkout) -> None:
    said = here.says("boot_parallel:6")
    assert len(re.findall(r"^init +x86_64 +pass ", said, re.MULTILINE)) == 6
    assert "x86_64: 6 of 6 boots reached user space (100.0 %)" in said
    assert re.search(r"^\d+\.\d\d boots a second over \d+ lanes$", said, re.MULTILINE)
    assert "aarch64" not in said


def test_every_feature_set_comes_to_its_end(here: Checkout) -> None:
    said = here.says("boot_features_aarch64", "boot_features_x86_64")
    assert len(re.findall(r"^\d+ guests on", said, re.MULTILINE)) == 1
