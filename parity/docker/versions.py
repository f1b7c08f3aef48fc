"""The recorded versions of Debian packages in the tool images, and the differences to an image.

Debian's mirrors have only one version of each package at a time. So an image that is made later can have
other versions. Parity reports the differences, and the versions are part of the keys of all that is made with
the image. `toolchains/update` records the versions of the existing images.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from parity.core.errors import UserError

RECORD = Path("toolchains/debian-trixie.lock.json")
SHOWN = 5  # the most packages in a message

Versions = dict[str, dict[str, dict[str, str]]]
"""Architecture of the daemon → role → package → version."""


def recorded(root: Path) -> Versions:
    """The recorded versions of a checkout; empty if it has no record.

    Raises:
        UserError: the record is damaged.
    """
    try:
        found = json.loads((root / RECORD).read_text(encoding="utf-8"))
        return {
            str(architecture): {str(role): dict(packages) for role, packages in roles.items()}
            for architecture, roles in found.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        hint = "record the versions again: toolchains/update"
        raise UserError(f"is not a record of versions: {error}", hint, file=root / RECORD) from None


def differences(root: Path, architecture: str, role: str, packages: Mapping[str, str]) -> list[str]:
    """The packages whose version in an image is not the recorded one; empty if no versions are recorded."""
    before = recorded(root).get(architecture, {}).get(role)
    if before is None:
        return []
    return [
        f"{name} {before.get(name, 'absent')} → {packages.get(name, 'absent')}"
        for name in sorted({*before, *packages})
        if before.get(name) != packages.get(name)
    ]


def message(found: list[str]) -> str:
    """The differences in one line."""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{len(found)} packages differ from those recorded in {RECORD}: {', '.join(found[:SHOWN])}{more}"


def record(root: Path, found: Versions) -> None:
    """Records the versions of these images; the records of other images stay."""
    versions = recorded(root)
    for architecture, roles in found.items():
        versions.setdefault(architecture, {}).update(roles)
    (root / RECORD).write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n", encoding="utf-8")
