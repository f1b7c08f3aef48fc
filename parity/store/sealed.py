"""JSON that carries a digest of itself: what was damaged since it was written is told from what was not.

    {"digest": "…64 hexadecimal digits…", "format": 2, …}

The digest is the SHA-256 of all that follows it, with the first brace put back. It shows damage, not malice:
a program that may write the file can write another digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec

HEAD = b'{"digest": "%s", '
LENGTH = len(HEAD % (b"0" * 64))


def seal(values: Mapping[str, Any]) -> bytes:
    """One line of JSON, without a line feed; `values` must not be empty."""
    body = json.dumps(values, sort_keys=True).encode()
    return HEAD % hashlib.sha256(body).hexdigest().encode() + body[1:]


def opened(line: bytes) -> dict[str, Any]:
    """The values that were sealed so.

    Raises:
        ValueError: the line is damaged, or no such line.
    """
    head, body = line[:LENGTH], b"{" + line[LENGTH:]
    if head != HEAD % hashlib.sha256(body).hexdigest().encode():
        raise ValueError("the digest is another")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except RecursionError:
        raise ValueError("nested too deeply") from None
