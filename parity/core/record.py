"""Converts dataclasses to JSON values and back, and checks the type of each value.

A key in a file may be an older name of the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
KEYS = {"failure_signature": "ailment", "failure_kind": "word"}
"""Field → its key in files, where they differ: a field may be renamed, but files keep their keys."""
FIELDS = {key: name for name, key in KEYS.items()}


def as_values(record: DataclassInstance) -> dict[str, Any]:
    """The values of a record, by their keys in files."""
    return {KEYS.get(name, name): value for name, value in asdict(record).items()}


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """The inverse of `as_values`.

    Raises:
        ValueError: a key is no field, a field is missing, or a value is not of its field's type.
    """
    named = {FIELDS.get(key, key): value for key, value in values.items()}
    if unknown := named.keys() - {each.name for each in fields(kind)}:  # type: ignore[arg-type]
        raise ValueError(f"no such field: {min(unknown)}")
    return msgspec.convert(named, kind)


def parse_known(kind: type[T], values: Mapping[str, Any]) -> T:
    """The same, but ignores keys that this version does not know."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return parse(kind, {key: value for key, value in values.items() if FIELDS.get(key, key) in known})
