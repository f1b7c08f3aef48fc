"""Records in files: dataclasses into JSON values and back, every value of its field's type.

A key may be older than the field's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
KEYS = {"failure_signature": "ailment"}
"""The keys of fields in files, where they differ: a field's name changes, files keep their keys."""
FIELDS = {key: name for name, key in KEYS.items()}


def as_values(record: DataclassInstance) -> dict[str, Any]:
    """The fields of a record, by their keys in files."""
    return {KEYS.get(name, name): value for name, value in asdict(record).items()}


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """The record that was written so.

    Raises:
        ValueError: a key is no field, a field is missing, or a value is not of its field's type.
    """
    named = {FIELDS.get(key, key): value for key, value in values.items()}
    if unknown := named.keys() - {each.name for each in fields(kind)}:  # type: ignore[arg-type]
        raise ValueError(f"no such field: {min(unknown)}")
    return msgspec.convert(named, kind)


def parse_known(kind: type[T], values: Mapping[str, Any]) -> T:
    """The same without the keys that are no fields of this version."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return parse(kind, {key: value for key, value in values.items() if FIELDS.get(key, key) in known})
