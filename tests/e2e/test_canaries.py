"""Every canary, on both architectures: guests that try to deceive the judge."""

from __future__ import annotations

import pytest
from checkout import Checkout


@pytest.mark.docker
def test_every_canary_earns_its_verdict(here: Checkout) -> None:
    here.says("canaries")
