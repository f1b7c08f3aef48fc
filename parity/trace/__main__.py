"""`python -m parity.trace DUMP --elf KERNEL`: decodes a saved dump, or validates it with `--validate`.

Exit status: 0; 1 if the trace is not valid; 3 if the file is no dump of that kernel.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from parity.build.elf import Kernel
from parity.core.errors import UserError
from parity.trace import perfetto, reader, timeline
from parity.trace.memory import Memory
from parity.trace.validate import LEAST_EVENTS, violations


def main(arguments: Sequence[str]) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m parity.trace", description="Decodes a dump of a kernel's trace."
    )
    parser.add_argument(
        "dump", type=Path, help="the kernel's writable segments, as `doit trace_…` saves them"
    )
    parser.add_argument("--elf", type=Path, required=True, help="the kernel that ran")
    parser.add_argument("--validate", action="store_true", help="only print the violated rules")
    parser.add_argument(
        "--least", type=int, default=LEAST_EVENTS, help="least number of events of a valid trace"
    )
    parser.add_argument("--calls", type=int, help="number of system calls, counted from outside")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--perfetto", type=Path, help="write a file that Perfetto opens")
    try:
        given = parser.parse_args(arguments)
    except SystemExit as end:
        return UserError.exit_code if end.code else 0
    try:
        kernel = Kernel.parse(given.elf.read_bytes(), str(given.elf))
        trace = reader.read(Memory(kernel, given.dump.read_bytes()))
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return UserError.exit_code
    if given.perfetto:
        given.perfetto.write_text(json.dumps(perfetto.chrome(trace, str(given.dump))), encoding="utf-8")
    if given.validate:
        found = violations(trace, given.least, given.calls)
        print("\n".join(found) or f"valid: {sum(len(ring.events) for ring in trace.rings)} events")
        return 1 if found else 0
    print(json.dumps(timeline.as_json(trace)) if given.json else "\n".join(timeline.lines(trace)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
