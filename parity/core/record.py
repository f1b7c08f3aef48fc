"""Records in files: dataclasses into JSON values and back. A key may be older than the field's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
KEYS = {"failure_signature": "ailment", "failure_kind": "word"}
"""The keys of fields in files, where they differ: a field's name changes, files keep their keys."""
FIELDS = {key: name for name, key in KEYS.items()}


def as_values(record: DataclassInstance) -> dict[str, Any]:
    """The fields of a record, by their keys in files."""
    return {KEYS.get(name, name): value for name, value in asdict(record).items()}


def parse(kind: type[T], values: Mapping[str, Any]) -> T:
    """The record that was written so; raises TypeError for a key that is no field, or a missing one."""
    return kind(**{FIELDS.get(key, key): value for key, value in values.items()})


def parse_known(kind: type[T], values: Mapping[str, Any]) -> T:
    """The same without the keys that are no fields of this version; raises TypeError for a missing one."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]
    return parse(kind, {key: value for key, value in values.items() if FIELDS.get(key, key) in known})
