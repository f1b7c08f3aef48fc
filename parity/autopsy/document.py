"""An autopsy as JSON: an object with `format` (1), `diagnosis` (word, sentence, signature) and `findings`.

The fields of `findings` are those of `parity.autopsy.findings`.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from parity.autopsy.diagnose import Autopsy, Diagnosis, FailureKind
from parity.autopsy.findings import FORMAT, Findings


def as_json(autopsy: Autopsy) -> str:
    """The document."""
    return json.dumps(
        {"format": FORMAT, "diagnosis": asdict(autopsy.diagnosis), "findings": asdict(autopsy.findings)}
    )


def parse(data: bytes) -> Autopsy | None:
    """The inverse of `as_json`; None for another format."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            return None
        diagnosis = document["diagnosis"]
        return Autopsy(
            Findings.parse(document["findings"]),
            Diagnosis(**{**diagnosis, "word": FailureKind(diagnosis["word"])}),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
