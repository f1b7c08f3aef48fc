"""The rules of a diagnosis that use samples of the program counters. `diagnose.py` documents them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from parity.autopsy import activity, deadlock_rules, waits
from parity.autopsy.diagnosis import Diagnosis, FailureKind
from parity.autopsy.findings import Findings, PcSample, Thread
from parity.autopsy.wording import (
    awaited_event,
    function_of,
    held_locks,
    interrupted_location,
    kernel_location,
    loop_location,
    most_often,
    running_name,
    taking_turns,
    thread_title,
    waiting_for_cpu,
)

USUAL_SHARE = 0.6  # share of the samples from which on a state is the usual one
SMALL_LOOP_BYTES = 64  # a loop of this size can do no work
MIN_SAMPLES = 5  # with fewer samples, shares say nothing


def diagnose(found: Findings) -> Diagnosis | None:
    """The diagnosis by the samples; None where there are too few, or they explain nothing."""
    samples = [sample for at_once in found.samples for sample in at_once]
    if len(samples) < MIN_SAMPLES:
        return None
    if found.lost or found.unmapped is not None:
        return _endless_fault(found, samples)
    for rule in (_storm, _clock, _masked):
        if diagnosis := rule(found, samples):
            return diagnosis
    usual = Counter(_kind(sample) for sample in samples)
    del usual["entry"]
    total = usual.total()
    if total and usual["halted"] >= USUAL_SHARE * total:
        return _asleep(found, samples) if found.table else None
    if (total and usual["user"] >= USUAL_SHARE * total) or (found.calls and not activity.progress(found)):
        return _in_user(found, samples)
    return _busy(found, samples)


def _endless_fault(found: Findings, samples: Sequence[PcSample]) -> Diagnosis:
    at = samples[-1].place.address
    where, why = f"a processor faults for ever at {at:#x}, where nothing is mapped", ""
    if found.unmapped is not None:
        where = f"a processor faults for ever at {at:#x}"
        why = f"the kernel's page table no longer maps the kernel's memory at {found.unmapped:#x}, so "
    sentence = f"{where}: {why}exceptions cannot reach their handler"
    return Diagnosis.of(FailureKind.DOUBLE_FAULT, sentence, "page table" if why else "")


def _storm(found: Findings, samples: Sequence[PcSample]) -> Diagnosis | None:
    if not (storm := activity.interrupt_storm(found)):
        return None
    number, count = storm
    name = f"interrupt {number}" + (", the timer's," if number == found.timer else "")
    meanwhile = f"; it interrupts {place}" if (place := interrupted_location(found)) else ""
    sentence = (
        f"{name} comes again as soon as it was handled, {count} times in {1000 * found.during_s:.1f} ms"
    )
    return Diagnosis.of(FailureKind.INTERRUPT_STORM, sentence + meanwhile, f"interrupt {number}")


def _clock(found: Findings, samples: Sequence[PcSample]) -> Diagnosis | None:
    if not activity.clock_blocks_all(found, samples):
        return None
    stands = f"the clock stands: it is at tick {found.ticks[-1]}, and no tick came during the observation"
    if sleepers := activity.sleepers(found):
        parts = _waits(found, sleepers)
        return Diagnosis.of(FailureKind.CLOCK_STANDS, f"{stands}; {parts}", *_sites(sleepers))
    place = kernel_location(found) or loop_location(found, samples)
    return Diagnosis.of(
        FailureKind.CLOCK_STANDS, f"{stands}; the kernel loops in {place}", function_of(place)
    )


def _masked(found: Findings, samples: Sequence[PcSample]) -> Diagnosis | None:
    if not _masked_without_clock(found, samples):
        return None
    if all(sample.entry for sample in samples) and _spread(samples) > SMALL_LOOP_BYTES:
        sentence = "a processor takes exceptions for ever and never leaves their entry code"
        return Diagnosis.of(FailureKind.DOUBLE_FAULT, sentence, "entry")
    place = (kernel_location(found) if samples[0].halted else None) or loop_location(found, samples)
    what = "waits for an interrupt" if samples[0].halted else "loops"
    sentence = f"a processor {what} in {place} with interrupts off{held_locks(found)}"
    return Diagnosis.of(FailureKind.INTERRUPTS_OFF, sentence, function_of(place))


def _waits(found: Findings, threads: Sequence[Thread]) -> str:
    return "; ".join(
        f"{thread_title(found, thread.id)} waits for {awaited_event(found, thread)}" for thread in threads
    )


def _sites(threads: Sequence[Thread]) -> Iterable[str]:
    return sorted({thread.wait_site for thread in threads})


def _masked_without_clock(found: Findings, samples: Sequence[PcSample]) -> bool:
    """Whether all processors are in the kernel with interrupts masked, and no clock runs."""
    if activity.all_idle(found) and all(sample.halted for sample in samples):
        return False
    if len(set(found.ticks)) > 1 or not all(sample.masked and not sample.user for sample in samples):
        return False
    # If no clock was found, an idle processor, or one that prints, may look the same.
    small = _spread(samples) <= SMALL_LOOP_BYTES
    return bool(found.ticks) or (small and not found.talks and not any(sample.halted for sample in samples))


def _spread(samples: Sequence[PcSample]) -> int:
    """Bytes between the lowest and the highest sampled address."""
    places = [sample.place.address for sample in samples]
    return max(places) - min(places)


def _kind(sample: PcSample) -> str:
    if sample.user:
        return "user"
    if sample.halted:
        return "halted"
    if sample.entry:
        return "entry"
    return "masked" if sample.masked else "kernel"


def _asleep(found: Findings, samples: Sequence[PcSample]) -> Diagnosis | None:
    # A timeout that has passed, or that a stopped clock never reaches, wakes no thread.
    if len(set(found.ticks)) > 1 and (sleepers := activity.sleepers(found)):
        parts = _waits(found, sleepers)
        return Diagnosis.of(FailureKind.SLOW, parts, *_sites(sleepers))
    if starved := activity.starved(found):
        return Diagnosis.of(
            FailureKind.STARVED,
            f"{waiting_for_cpu(found, starved)}, although no other thread runs",
            *_names(starved),
        )
    if found.ready or any(thread.life == "ready" for thread in found.threads):
        return None
    if ring := waits.cycle(found, guessed=True):
        return deadlock_rules.cycle_diagnosis(found, ring)
    return _all_asleep(found, samples)


def _all_asleep(found: Findings, samples: Sequence[PcSample]) -> Diagnosis:
    """The diagnosis of a machine whose threads all sleep, but not for each other."""
    place = kernel_location(found) or most_often(sample.place for sample in samples)
    if not (named := _roots(found)):
        sentence = f"every processor waits for an interrupt in {place}, and no thread is ready"
        return Diagnosis.of(FailureKind.LOST_WAKE_UP, sentence, function_of(place))
    parts = _waits(found, named)
    sentence = f"{parts}; no other thread runs and no timeout is pending, so nothing can wake it"
    return Diagnosis.of(FailureKind.LOST_WAKE_UP, sentence, *_sites(named))


def _roots(found: Findings) -> Sequence[Thread]:
    """The sleeping threads that wait for no other thread; all sleeping threads if there is none."""
    asleep = [thread for thread in found.threads if thread.wait and thread.life in waits.ASLEEP]
    behind = {want.thread for want in waits.all_waits(found) if want.by and want.known}
    return [thread for thread in asleep if thread.id not in behind] or asleep


def _names(threads: Sequence[Thread]) -> Iterable[str]:
    return dict.fromkeys(thread.name for thread in threads)


def _in_user(found: Findings, samples: Sequence[PcSample]) -> Diagnosis:
    # A program that mostly makes system calls is mostly sampled in the kernel.
    running = sorted(found.cpus, key=lambda cpu: not cpu.spot.user)
    thread = thread_title(found, running[0].thread) if running else "a program"
    places = sorted({sample.place.address for sample in samples if sample.user and not sample.entry}) or [0]
    where = hex(places[0]) if places[0] == places[-1] else f"{places[0]:#x} to {places[-1]:#x}"
    if progress := activity.progress(found):
        return Diagnosis.of(
            FailureKind.SLOW,
            f"{thread} works, mostly in user code at {where}: {progress}",
            running_name(found),
        )
    if found.calls:
        sentence = f"{thread} loops and only calls {activity.calls(found)}"
    else:
        sentence = f"{thread} computes in user code, at {where}, and makes no system calls"
    return Diagnosis.of(FailureKind.USER_LOOP, sentence + _while_ready(found), running_name(found))


def _busy(found: Findings, samples: Sequence[PcSample]) -> Diagnosis:
    place = kernel_location(found) or loop_location(found, samples)
    if progress := activity.progress(found):
        return Diagnosis.of(
            FailureKind.SLOW, f"the kernel works, mostly in {place}: {progress}", function_of(place)
        )
    if found.during is None:
        return Diagnosis.of(
            FailureKind.UNKNOWN,
            f"the kernel works in {place}, and has no trace that shows at what",
            function_of(place),
        )
    done = [f"{count} × {name}" for name, count in found.during.items() if not name.startswith(activity.IDLE)]
    what = f"only {', '.join(done)}" if done else "no events"
    rounds = taking_turns(found) or f"the kernel loops in {place}"
    sentence = f"{rounds}; the trace of the observation has {what}{_while_ready(found)}"
    return Diagnosis.of(FailureKind.LIVELOCK, sentence, function_of(place))


def _while_ready(found: Findings) -> str:
    starved = activity.starved(found)
    return f"; meanwhile {waiting_for_cpu(found, starved)}" if starved else ""
