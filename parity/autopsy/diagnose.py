"""From findings to a diagnosis. No other code decides a failure kind.

One failure kind affects a verdict: a guest that is `slow` gets more time, once (`extend_deadline`), so that a
hang may become a pass.

Pure: the same findings give the same diagnosis. The first rule that matches decides:

    panic               the kernel reported it; `double fault` or `out of memory` if its message means that
    emulator stalled    the emulator does not answer
    self-deadlock       a thread waits for something that only it could do: release a lock that it holds, or
                        that the processor on which it spins holds; its own end; the other end of a pipe that
                        only it has
    deadlock            threads wait for each other in a cycle (for locks, ends, children, pipes: waits.py),
                        or for a lock whose holder has ended or waits for something that does not come
    unknown             the machine has ended by itself, without a shutdown record
    never booted        the kernel has printed and recorded nothing
    double fault        all processors fault at an unmapped address; or they are in the kernel with interrupts
                        masked, and its page table does not map its own memory, or they never leave the entry
                        code of exceptions
    interrupt storm     one interrupt repeats far more often than there is work
    clock stands        no tick comes although interrupts are enabled, and a thread sleeps until a tick, or
                        the kernel loops
    interrupts off      all processors are in the kernel with interrupts masked, and no clock runs
    starved             all processors wait for an interrupt, and a ready thread has not run for long
    deadlock            all processors wait for an interrupt, no thread is ready or waits for a timeout, and
                        threads park or wait at queues, so that only they could wake each other
    lost wake-up        all processors wait for an interrupt, and no thread is ready or waits for a timeout
    slow                there is progress: processes begin or end, the disk is read, system calls return
                        various results (other than the time), or a timeout is pending
    user loop           a processor is in user code most of the time, or a program repeats the same calls
    livelock            the kernel works without progress
    unknown             anything else
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from parity.autopsy import deadlock_rules, sample_rules
from parity.autopsy.diagnosis import Diagnosis, FailureKind
from parity.autopsy.findings import Findings
from parity.autopsy.wording import first_function, panic_locations, processor_locations, without_numbers

OUT_OF_MEMORY = re.compile(r"out of memory|memory allocation of \d+ bytes failed|no memory", re.IGNORECASE)
DOUBLE_FAULT = re.compile(r"double.?fault|stack.?overflow", re.IGNORECASE)


@dataclass(frozen=True)
class Autopsy:
    """Findings and the diagnosis that follows from them."""

    findings: Findings
    diagnosis: Diagnosis

    @property
    def extend_deadline(self) -> bool:
        """Whether the guest makes progress: the only part of an autopsy that affects a verdict."""
        return self.diagnosis.kind is FailureKind.SLOW

    def with_panic(self, panic: str | None) -> Autopsy:
        """The autopsy with the panic message, if that was complete only after the machine had ended."""
        if panic is None or self.findings.panic is not None:
            return self
        return autopsy(replace(self.findings, panic=panic))


def autopsy(found: Findings) -> Autopsy:
    """Findings with their diagnosis."""
    return Autopsy(found, diagnose(found))


def diagnose(found: Findings) -> Diagnosis:
    """The diagnosis that follows from the findings."""
    for rule in (_panic, _stalled, deadlock_rules.cycle, deadlock_rules.stuck_lock, _ended, _never_booted):
        if diagnosis := rule(found):
            return diagnosis
    return sample_rules.diagnose(found) or Diagnosis.of(
        FailureKind.UNKNOWN, f"no rule explains what was found; {processor_locations(found)}", ""
    )


def _panic(found: Findings) -> Diagnosis | None:
    if found.panic is None:
        return None
    kind = FailureKind.PANIC
    if OUT_OF_MEMORY.search(found.panic):
        kind = FailureKind.OUT_OF_MEMORY
    elif DOUBLE_FAULT.search(found.panic):
        kind = FailureKind.DOUBLE_FAULT
    places = [place for cpu in found.cpus for place in panic_locations(cpu.stack)][:2]
    # Assembly has no line information; its caller has.
    named = places if places and places[0].file is None else places[:1]
    by = f"; in {', called by '.join(map(str, named))}" if named else ""
    return Diagnosis.of(kind, f"the kernel panicked: {found.panic}{by}", without_numbers(found.panic))


def _stalled(found: Findings) -> Diagnosis | None:
    if found.stalled is None:
        return None
    return Diagnosis.of(FailureKind.EMULATOR_STALLED, f"the emulator does not answer: {found.stalled}")


def _ended(found: Findings) -> Diagnosis | None:
    if found.hang or found.end is None:
        return None
    where = f"{processor_locations(found)}{_unmapped_memory(found)}"
    sentence = f"the machine ended without a shutdown record ({found.end}); {where}"
    return Diagnosis.of(FailureKind.UNKNOWN, sentence, found.end, first_function(found))


def _unmapped_memory(found: Findings) -> str:
    if found.unmapped is None:
        return ""
    return f"; the kernel's page table does not map the kernel's memory at {found.unmapped:#x}"


def _never_booted(found: Findings) -> Diagnosis | None:
    if found.hello or any(line.strip() for line in found.console):
        return None
    sentence = f"the kernel printed and recorded nothing; {processor_locations(found)}"
    return Diagnosis.of(FailureKind.NEVER_BOOTED, sentence, first_function(found))
