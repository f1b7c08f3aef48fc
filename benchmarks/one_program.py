"""What happens after a change of one test program."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import Bench, Checkout
from benchmarks.figure import Aim, Figure
from benchmarks.output import Output
from parity.core.errors import InfraError

WHAT = (
    "One test program changed in a copy of the checkout whose compiler's cache is warm: what `doit "
    "test_<architecture>` makes and runs then, read from its output, and how long that takes."
)
ROUNDS = 3
MAIN = re.compile(r"^fn main\(.*\) \{\n", re.MULTILINE)


def measure(bench: Bench) -> Sequence[Figure]:
    """See WHAT."""
    name = "true_test" if "true_test" in bench.tests(bench.arch) else bench.tests(bench.arch)[0]
    bench.here.doit(f"test_{bench.arch}")  # now all is kept
    with bench.copy() as copy:
        source = _source(copy, name)
        original = source.read_text(encoding="utf-8")
        outputs = []
        for number in (-1, *bench.each_round()):  # the first fills the compiler's cache
            source.write_text(changed(original, f"round {number}"), encoding="utf-8")
            outputs.append(copy.doit(f"test_{bench.arch}"))
    measured = outputs[1:]
    guests = [float(len(output.guests)) for output in measured]
    return [
        Figure(f"guests that run after {name} changed", "", guests, Aim(1), notes=_notes(measured[-1])),
        Figure("the whole command", "s", [output.seconds for output in measured]),
    ]


def changed(source: str, text: str) -> str:
    """The source of a test that does the same, but is another program: `text` becomes part of it.

    Raises:
        InfraError: there is no main function to put it into.
    """
    found = MAIN.search(source)
    if found is None:
        raise InfraError("the program to change has no `fn main(…) {`")
    return f'{source[: found.end()]}    core::hint::black_box("{text}");\n{source[found.end() :]}'


def _source(copy: Checkout, name: str) -> Path:
    (place,) = (copy.root / "userspace" / "tests").glob(f"*/{name}.rs")
    return place


def _notes(output: Output) -> list[str]:
    made = ", ".join(f"{stage.title} ({stage.seconds:.1f} s)" for stage in output.made)
    return [
        f"made: {made or 'nothing'}; kept: {', '.join(output.kept) or 'nothing'}",
        f"ran: {', '.join(output.guests) or 'no guest'}",
    ]
