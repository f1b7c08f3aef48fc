"""Tasks about the kernel's `/proc` and its trace memory."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parity.build import disk
from parity.core.errors import UserError
from parity.judge.verdict import Verdict
from parity.run import plan, suite_run
from parity.run.suite_run import ProgramSuite
from parity.spec import suite as suites
from parity.spec.machine import RunSpec
from parity.spec.suite import Suite, Test
from parity.trace import perfetto, reader, timeline
from parity.trace.memory import Memory
from parity.trace.run import counted, load, traced
from parity.trace.validate import violations
from tasks import report, suite
from tasks.session import Session, current, task

PROC = "tracing"  # the suite of the programs that read /proc
VALIDATED = "file_read_test"


def task_proc() -> Iterator[Any]:
    """Run the programs that test /proc, tracing included: proc_<architecture>"""
    session = current()
    for arch in session.archs:
        doc = f"Run the programs that test /proc on {arch}"
        after = suite.needs(session, arch, f"userspace:{arch}")
        yield task(f"proc_{arch}", doc, proc, arch, after=after)


def proc(arch: str) -> bool:
    """Runs the programs without a stored pass and shows all rows; whether all are as expected."""
    session = current()
    settings, runner = session.settings, session.evidence_runner()
    tests = ProgramSuite(session.tree, programs(session))
    planned = tests.plan(runner, arch, list(tests.suite.tests.values()), fresh=settings.fresh)
    results = plan.run(runner, tests, [planned], fresh=settings.fresh, lanes=settings.lanes)
    rows = plan.rows(runner, tests, planned, results)
    report.show_some(rows)
    return report.as_expected(session, rows)


def task_trace() -> Iterator[Any]:
    """Run a program and show the kernel's trace of it: trace_<architecture>:<test>"""
    session = current()
    names = [session.tree.run.boot_program, *session.suite.tests, *programs(session).tests]
    for arch in session.archs:
        after = suite.needs(session, arch, f"disk:{arch}")
        outputs = [f"trace/{arch}-*"]
        boot = session.tree.run.boot_program
        yield task(
            f"trace_{arch}", f"The trace of {boot} on {arch}", trace, arch, boot, after=after, outputs=outputs
        )
        for name in names:
            yield task(
                f"trace_{arch}:{name}", f"The trace of {name} on {arch}", trace, arch, name, after=after
            )


def task_trace_validate() -> Iterator[Any]:
    """Check the kernel's trace against itself and against a count of calls: trace_validate_<architecture>"""
    session = current()
    for arch in session.archs:
        doc = f"Check the trace of {VALIDATED} on {arch} against itself and against counted system calls"
        after = suite.needs(session, arch, f"disk:{arch}")
        yield task(f"trace_validate_{arch}", doc, validate, arch, after=after)


def trace(arch: str, name: str) -> bool:
    """Runs a program and prints the trace of its kernel; whether the program passed.

    Raises:
        InfraError: the emulator ended before its memory was read, or the lane failed.
    """
    session = current()
    spec = spec_of(session, arch, name)
    run, dumped = traced(session.space, spec, session.tree.panic_patterns)
    found = reader.read(Memory(load(session.space, spec), dumped))
    place = session.space.build / "trace"
    place.mkdir(parents=True, exist_ok=True)
    saved, opened = place / f"{arch}-{name}.dump", place / f"{arch}-{name}.perfetto.json"
    saved.write_bytes(dumped)
    opened.write_text(json.dumps(perfetto.chrome(found, f"{name} on {arch}")), encoding="utf-8")
    if session.settings.json:
        sys.stdout.write(json.dumps(timeline.as_json(found)) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in timeline.lines(found))
    elf = session.space.store.local(spec.kernel)
    for line in (
        f"{run.judgement.verdict}: {run.judgement.cause}",
        f"for ui.perfetto.dev: {opened.relative_to(session.space.root)}",
        f"again: python -m parity.trace {saved.relative_to(session.space.root)} --elf {elf}",
    ):
        session.screen.note(line, "dim")
    return run.judgement.verdict is Verdict.PASS


def validate(arch: str) -> bool:
    """Checks the trace of a boot and a program for contradictions, and its calls against a count by GDB.

    Raises:
        InfraError: the emulator ended before its memory was read, or the lane failed.
    """
    session = current()
    spec = spec_of(session, arch, VALIDATED)
    kernel = load(session.space, spec)
    run, dumped = traced(session.space, spec, session.tree.panic_patterns)
    found = violations(reader.read(Memory(kernel, dumped)))
    if run.judgement.verdict is not Verdict.PASS:
        found.append(f"{VALIDATED} did not pass: {run.judgement.cause}")
    with session.screen.stage(f"counting the system calls of {VALIDATED} with breakpoints"):
        calls, dumped = counted(session.space, spec)
    found += [
        f"stopped at every call: {what}"
        for what in violations(reader.read(Memory(kernel, dumped)), calls=calls)
    ]
    for complaint in found:
        session.screen.note(f"{arch}: {complaint}", "red")
    if not found:
        session.screen.note(f"{arch}: the trace is correct; it has all {calls} system calls of {VALIDATED}")
    return not found


def spec_of(session: Session, arch: str, name: str) -> RunSpec:
    """The guest of a program, on the disk with all programs; raises UserError for an unknown program."""
    tests = {**session.suite.tests, **programs(session).tests}
    boot = Test(name, "boot", {arch: Verdict.PASS}, None)
    outputs = suite_run.built(session.space, session.tree, arch)
    suite_run.complete(Suite("trace", {name: tests.get(name, boot)}), outputs)
    if name not in outputs.programs:
        raise UserError(f"there is no program {name} for {arch} yet")
    image = disk.whole(session.space, session.tree, arch, outputs.programs)
    return suite_run.spec(session.tree, tests.get(name, boot), outputs, image)


def programs(session: Session) -> Suite:
    """The suite of the programs that read /proc."""
    return suites.load(session.space.root / Path("suites", f"{PROC}.yaml"), session.tree.archs)
