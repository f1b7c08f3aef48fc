"""Sealed JSON: a line of JSON that starts with a digest of the rest, so that a reader detects damage.

    {"digest": "…64 hexadecimal digits…", "format": 2, …}

The digest is the SHA-256 of the line without the key `digest`. It does not protect against forgery: a program
that can write the file can also compute a matching digest.
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
    """The values of a sealed line.

    Raises:
        ValueError: the line is damaged, or was not written by `seal`.
    """
    head, body = line[:LENGTH], b"{" + line[LENGTH:]
    if head != HEAD % hashlib.sha256(body).hexdigest().encode():
        raise ValueError("the digest does not match")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except RecursionError:
        raise ValueError("nested too deeply") from None
