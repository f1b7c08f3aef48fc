"""An autopsy as JSON: an object with `format` (1), `diagnosis` (`word`: the failure kind,
`sentence`, `signature`) and `findings`.

The fields of `findings` are those of `parity.autopsy.findings`.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from parity.autopsy.diagnose import Autopsy
from parity.autopsy.diagnosis import Diagnosis, FailureKind
from parity.autopsy.findings import FORMAT, Findings


def as_json(autopsy: Autopsy) -> str:
    """The JSON document."""
    diagnosis = autopsy.diagnosis
    named = {"word": diagnosis.kind, "sentence": diagnosis.sentence, "signature": diagnosis.signature}
    return json.dumps({"format": FORMAT, "diagnosis": named, "findings": asdict(autopsy.findings)})


def parse(data: bytes) -> Autopsy | None:
    """The inverse of `as_json`; None for another format."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            return None
        diagnosis = document["diagnosis"]
        return Autopsy(
            Findings.parse(document["findings"]),
            Diagnosis(FailureKind(diagnosis["word"]), diagnosis["sentence"], diagnosis["signature"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
