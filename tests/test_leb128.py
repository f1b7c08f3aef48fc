"""Examples of the standard (DWARF 4, figures 22 and 23)."""

from __future__ import annotations

import pytest

from parity.autopsy import leb128


@pytest.mark.parametrize(
    ("value", "data"),
    [(2, b"\x02"), (127, b"\x7f"), (128, b"\x80\x01"), (129, b"\x81\x01"), (12857, b"\xb9\x64")],
)
def test_unsigned(value: int, data: bytes) -> None:
    assert leb128.unsigned(b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (2, b"\x02"),
        (-2, b"\x7e"),
        (127, b"\xff\x00"),
        (-127, b"\x81\x7f"),
        (128, b"\x80\x01"),
        (-129, b"\xff\x7e"),
    ],
)
def test_signed(value: int, data: bytes) -> None:
    assert leb128.signed(b"\xff" + data + b"\xff", 1) == (value, 1 + len(data))
