"""JSON Schemas of the YAML files, for editors (`docs/schema/`)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from parity.compare.coverage import DocumentFile
from parity.docker.images import ToolchainFile
from parity.run.integration import IntegrationFile
from parity.selftest.canary import CanaryFile
from parity.selftest.crate_mutants import MutantsFile
from parity.spec.decision import DecisionEntry
from parity.spec.machine import MachineFile
from parity.spec.quarantine import QuarantineFile
from parity.spec.suite import SuiteFile
from parity.spec.tree import TreeFile

MODELS: dict[str, Any] = {
    "tree": TreeFile,
    "machine": MachineFile,
    "suite": SuiteFile,
    "integration": IntegrationFile,
    "canaries": CanaryFile,
    "quarantine": QuarantineFile,
    "mutants": MutantsFile,
    "document": DocumentFile,
    "toolchain": ToolchainFile,
    "decisions": dict[str, DecisionEntry],
}


def render(name: str) -> str:
    """The JSON Schema of one kind of file, as text."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**draft, **msgspec.json.schema(MODELS[name])}, indent=1) + "\n"
