"""Writes JSON Schemas for editors, from the models that read the files."""

from __future__ import annotations

from typing import Any

from parity.core import host
from parity.report import schemas
from tasks.session import current, task

FOLDER = "docs/schema"


def task_schemas() -> Any:
    """Write the JSON Schemas of all YAML files into docs/schema/"""
    return task("schemas", str(task_schemas.__doc__), write)


def write() -> None:
    """Writes one file per kind of YAML file."""
    root = current().space.root
    for name in schemas.MODELS:
        host.write_whole(root / FOLDER / f"{name}.json", schemas.render(name).encode(), root / "build")
