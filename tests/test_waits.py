"""Words of guests in which threads wait: for each other, for a clock, for interrupts that come too often."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from parity.autopsy.diagnose import autopsy, diagnose
from parity.autopsy.diagnosis import FailureKind
from parity.autopsy.findings import Call, CodeLocation, Cpu, Findings, Lock, PcSample, Thread
from parity.report import autopsy as told

IDLE = 99
ENTRY = PcSample(CodeLocation(0x200, "trap_vectors"), user=False, masked=True, halted=False, entry=True)
KERNEL = PcSample(CodeLocation(7, "poll", "poll.rs", 7), user=False, masked=False, halted=False)
USER = PcSample(CodeLocation(7), user=True, masked=False, halted=False)


def hung(*threads: Thread, **more: Any) -> Findings:
    found = Findings("aarch64", "it was silent", True, False, None, None, table=True, threads=threads)
    return replace(found, **{"tick_hz": 200, "watched_s": 0.3, "ends_noted": True, **more})


def resting(*threads: Thread, **more: Any) -> Findings:
    """A machine whose processor has nothing to do."""
    spot = PcSample(CodeLocation(1, "idle", "idle.rs", 1), user=False, masked=True, halted=True)
    cpu = Cpu(0, spot, (spot.place,), {}, thread=IDLE, idle=IDLE, resting=True)
    idle = Thread(IDLE, 0, "idle", "running", 0, "", 0, "", 0, ())
    usual = {"cpus": (cpu,), "samples": ((spot,),) * 20, "ticks": (1000, 1020)}
    return hung(*threads, idle, **{**usual, **more})


def sleeper(number: int, wait: str, on: int = 0, *, pid: int = 0, until: int = 0, **more: Any) -> Thread:
    """A thread that waits at a place of its own."""
    return Thread(
        number, pid, f"t{number}", "sleeping", 0, wait, on, f"{wait}.rs:{number}", until, (), **more
    )


def holding(thread: Thread, address: int) -> Thread:
    return replace(thread, locks=(Lock(address, f"take.rs:{address}", thread.id),))


def joiner(number: int, other: int) -> Thread:
    return sleeper(number, "join", number, wait_by=other)


READS = (sleeper(1, "pipe", 0xA, pid=1, ends=(0xB,)), sleeper(2, "pipe", 0xB, pid=2, ends=(0xA,)))
PARENT, CHILD = sleeper(1, "child", 1, pid=1), sleeper(2, "pipe", 0xB, pid=2, parent=1)


@pytest.mark.parametrize(
    ("threads", "expected", "says"),
    [
        ((joiner(1, 2), joiner(2, 1)), FailureKind.DEADLOCK, "join.rs:1 for thread 2 (t2) to end; thread 2"),
        ((joiner(1, 2), joiner(2, 3), joiner(3, 1)), FailureKind.DEADLOCK, "thread 3 (t3) to end; thread 3"),
        ((joiner(1, 1),), FailureKind.SELF_DEADLOCK, "for itself to end"),
        ((joiner(1, 7),), FailureKind.LOST_WAKE_UP, "thread 7 has ended"),
        (
            (sleeper(1, "park", 1), sleeper(2, "park", 2)),
            FailureKind.DEADLOCK,
            "which thread 2 (t2) could do",
        ),
        ((sleeper(1, "park", 1),), FailureKind.LOST_WAKE_UP, "waits for another thread to unpark it"),
        ((sleeper(1, "park", 1), joiner(2, 1)), FailureKind.DEADLOCK, "thread 1 (t1) to end"),
        (
            (sleeper(1, "park", 1, unparked_by=2), joiner(2, 1)),
            FailureKind.LOST_WAKE_UP,
            "thread 2 (t2) has unparked it, but it still sleeps",
        ),
        (
            (sleeper(1, "queue", 1), sleeper(2, "queue", 2)),
            FailureKind.DEADLOCK,
            "which thread 2 (t2) could wake",
        ),
        (
            (sleeper(1, "queue", 1), sleeper(2, "queue", 1)),
            FailureKind.LOST_WAKE_UP,
            "so nothing can wake it",
        ),
        ((sleeper(1, "queue", 1), joiner(2, 1)), FailureKind.LOST_WAKE_UP, "a queue at"),
        (READS, FailureKind.DEADLOCK, "a pipe whose other end only thread 2 (t2, process 2) has"),
        ((PARENT, CHILD), FailureKind.LOST_WAKE_UP, "no process has the other end of the pipe"),
        ((replace(PARENT, ends=(0xB,)), CHILD), FailureKind.DEADLOCK, "a child to end, which is thread 2"),
        (
            (PARENT, replace(CHILD, ends=(0xB,))),
            FailureKind.SELF_DEADLOCK,
            "whose other end only it has itself",
        ),
        (
            (replace(PARENT, ends=(0xB,)), replace(CHILD, ends=(0xB,))),
            FailureKind.DEADLOCK,
            "only thread 1 (t1, process 1) and it have",
        ),
        ((PARENT,), FailureKind.LOST_WAKE_UP, "it has no such child that is still alive"),
        ((replace(PARENT, wait_by=3), CHILD), FailureKind.LOST_WAKE_UP, "it has no such child"),
        (
            (holding(joiner(1, 2), 0xA), sleeper(2, "mutex", 0xA)),
            FailureKind.DEADLOCK,
            "for the mutex at 0xa, taken at take.rs:10 by thread 1 (t1)",
        ),
        (
            (holding(sleeper(1, "pipe", 0xB, pid=1), 0xA), sleeper(2, "mutex", 0xA, pid=2, ends=(0xB,))),
            FailureKind.DEADLOCK,
            "other end only thread 2 (t2, process 2) has",
        ),
    ],
)
def test_waits_for_what_cannot_come(threads: tuple[Thread, ...], expected: FailureKind, says: str) -> None:
    found = diagnose(resting(*threads))
    assert (found.kind, says in found.sentence) == (expected, True), found.sentence
    assert diagnose(resting(*reversed(threads))).signature == found.signature


@pytest.mark.parametrize("waits", [READS, (PARENT, CHILD), (sleeper(1, "park", 1), sleeper(2, "park", 2))])
def test_what_a_thread_that_runs_could_still_do_is_no_deadlock(waits: tuple[Thread, ...]) -> None:
    runs = replace(sleeper(3, "", pid=3, ends=(0xA, 0xB), parent=1), life="running")
    assert diagnose(hung(*waits, runs)).kind is FailureKind.UNKNOWN


def test_a_thread_that_looks_once_more_before_it_sleeps_is_no_part_of_a_ring() -> None:
    looks = replace(READS[0], life="dozing")
    assert diagnose(hung(looks, READS[1])).kind is FailureKind.UNKNOWN


def test_a_process_of_which_not_all_pipes_are_noted_may_have_any() -> None:
    runs = replace(sleeper(3, "", pid=3, more_ends=True), life="running")
    assert diagnose(hung(*READS, runs)).kind is FailureKind.UNKNOWN


def test_children_of_a_parent_that_has_ended_are_process_1s() -> None:
    orphan = sleeper(3, "pipe", 0xB, pid=3, parent=2)
    assert diagnose(resting(replace(PARENT, ends=(0xB,)), orphan)).kind is FailureKind.DEADLOCK


def test_a_disk_that_has_answered_is_told() -> None:
    answer = "virtio-blk: queue 0 was asked 5 times and has answered 5"
    found = diagnose(resting(sleeper(1, "disk", 1), devices=(answer,)))
    assert (found.kind, answer in found.sentence) == (FailureKind.LOST_WAKE_UP, True)


def test_a_wait_for_a_time_says_until_when() -> None:
    hour = diagnose(resting(sleeper(1, "ticks", 1, until=1020 + 3600 * 200)))
    assert hour.kind is FailureKind.SLOW
    assert "until tick 721020, in 1 h 0 min (the clock is at tick 1020)" in hour.sentence
    for ticks, when in ((300, "1.5 s"), (30_000, "2 min"), (1_000_000, "1 h 23 min")):
        assert f"in {when}" in diagnose(resting(sleeper(1, "ticks", 1, until=1020 + ticks))).sentence
    unknown = resting(sleeper(1, "ticks", 1, until=5000), tick_hz=0)
    assert "until tick 5000 (the clock is at tick 1020)" in diagnose(unknown).sentence


def test_a_clock_that_stands() -> None:
    slept = resting(sleeper(1, "ticks", 1, until=1200), ticks=(1000, 1000))
    assert diagnose(slept).kind is FailureKind.CLOCK_STANDS
    assert "the clock stands: it is at tick 1000" in diagnose(slept).sentence
    assert "until tick 1200, in 1.0 s" in diagnose(slept).sentence
    # Nothing of it where no tick was due yet, or where no thread waits for one.
    assert diagnose(replace(slept, tick_hz=10)).kind is not FailureKind.CLOCK_STANDS
    assert diagnose(resting(sleeper(1, "queue", 1), ticks=(1000, 1000))).kind is FailureKind.LOST_WAKE_UP
    # Nor where another thread keeps the processor, interrupts masked.
    halted = replace(slept, cpus=(replace(slept.cpus[0], thread=1, resting=False),))
    assert diagnose(halted).kind is FailureKind.INTERRUPTS_OFF


def test_a_kernel_that_works_while_the_clock_stands() -> None:
    busy = hung(samples=((KERNEL,),) * 20, ticks=(5, 5), during={})
    assert diagnose(busy).kind is FailureKind.CLOCK_STANDS
    assert "the kernel loops in poll (poll.rs:7)" in diagnose(busy).sentence
    assert diagnose(replace(busy, ticks=(5, 9))).kind is FailureKind.LIVELOCK
    assert diagnose(replace(busy, samples=((USER,),) * 20)).kind is FailureKind.USER_LOOP


def test_a_thread_that_is_ready_and_never_runs() -> None:
    starved = replace(sleeper(1, ""), life="ready", ran=700)
    found = diagnose(resting(starved))
    assert found.kind is FailureKind.STARVED
    assert "thread 1 (t1) since tick 700 of 1000" in found.sentence
    assert diagnose(resting(replace(starved, ran=950))).kind is FailureKind.UNKNOWN
    loop = diagnose(resting(starved, samples=((USER,),) * 20))
    assert (loop.kind, "thread 1 (t1) since tick 700" in loop.sentence) == (FailureKind.USER_LOOP, True)


def test_a_storm_names_its_interrupt() -> None:
    body = CodeLocation(2, "disk", "disk.rs", 3)
    events = {"IRQ_ENTRY": 502, "IRQ_EXIT": 502, "TIMER_TICK": 2, "BLOCK_END": 1}
    storm = hung(
        cpus=(Cpu(0, KERNEL, (KERNEL.place, *(CodeLocation(3, each) for each in ("dispatch", "save")), body),
                  {}),),
        samples=((ENTRY,),) * 20, ticks=(5, 9), during=events, during_s=0.0123,
        interrupts={"27": 2, "79": 500}, timer="27",
    )  # fmt: skip
    found = diagnose(storm)
    assert found.kind is FailureKind.INTERRUPT_STORM
    assert "interrupt 79 comes again as soon as it was handled, 500 times in 12.3 ms" in found.sentence
    assert "disk (disk.rs:3)" in found.sentence
    # A disk that is read is none, nor are ticks that are due.
    assert diagnose(replace(storm, during={**events, "BLOCK_END": 250})).kind is FailureKind.SLOW
    ticks = replace(storm, interrupts={"27": 100}, during={"IRQ_ENTRY": 100, "IRQ_EXIT": 100}, during_s=0.5)
    assert diagnose(ticks).kind is FailureKind.LIVELOCK
    fast = diagnose(replace(ticks, during_s=0.01))
    assert (fast.kind, "interrupt 27, the timer's, comes" in fast.sentence) == (
        FailureKind.INTERRUPT_STORM,
        True,
    )


@pytest.mark.parametrize("stack", [(), (CodeLocation(2, "work", "work.rs", 3),)])
def test_the_entry_of_traps_is_no_place(stack: tuple[CodeLocation, ...]) -> None:
    cpu = Cpu(0, ENTRY, (ENTRY.place, *stack), {})
    stood = hung(cpus=(cpu,), samples=((ENTRY,),) * 20, ticks=(5, 5), table=False)
    ended = replace(stood, hang=None, end="guest-reset")
    moves = replace(stood, ticks=(5, 9), during={})
    for found in map(diagnose, (stood, ended, moves, replace(stood, hello=False))):
        assert "trap_vectors" not in found.sentence + found.signature
        assert ("work" in found.sentence.replace("the kernel works", "")) is bool(stack)


def test_exceptions_that_do_not_get_through_their_entry() -> None:
    far = replace(ENTRY, place=CodeLocation(0xA00, "overflow"))
    cpu = Cpu(0, ENTRY, (ENTRY.place,), {})
    faults = hung(cpus=(cpu,), samples=((ENTRY,), (far,)) * 10, ticks=(5, 5))
    found = diagnose(faults)
    assert found.kind is FailureKind.DOUBLE_FAULT
    assert "a processor takes exceptions for ever and never leaves their entry code" in found.sentence
    # One that goes round in a few bytes of assembly may mean to.
    assert diagnose(replace(faults, samples=((ENTRY,),) * 20)).kind is FailureKind.INTERRUPTS_OFF


def test_a_page_table_that_does_not_lead_to_the_kernel() -> None:
    cpu = Cpu(0, ENTRY, (ENTRY.place,), {})
    faults = hung(cpus=(cpu,), samples=((ENTRY,),) * 20, ticks=(5, 5), unmapped=0x1000)
    found = diagnose(faults)
    assert found.kind is FailureKind.DOUBLE_FAULT
    assert "the kernel's page table no longer maps the kernel's memory at 0x1000" in found.sentence
    reset = diagnose(replace(faults, hang=None, end="guest-reset", samples=()))
    assert (reset.kind, "page table" in reset.sentence) == (FailureKind.UNKNOWN, True)


def test_a_program_that_waits_for_a_time_and_asks_for_it_all_along_gets_nowhere() -> None:
    busy = hung(samples=((KERNEL,),) * 20, ticks=(7, 9), during={"SYSCALL_ENTRY": 40})

    def word(calls: list[Call]) -> FailureKind:
        return diagnose(replace(busy, calls=tuple(calls))).kind

    asks = [Call("get_time", number) for number in range(40)]
    assert word(asks) is FailureKind.USER_LOOP
    assert "get_time (gives the time, 40 times)" in diagnose(replace(busy, calls=tuple(asks))).sentence
    polls = [call for ask in asks for call in (ask, Call("yield", 0), Call("wait4", 0))]
    assert word(polls) is FailureKind.USER_LOOP
    # Two that do so in turns do so, too; but not one that does something else now and then.
    assert word([replace(call, thread=at // 7) for at, call in enumerate(polls)]) is FailureKind.USER_LOOP
    assert word([*polls[:50], Call("write", 5), *polls[50:]]) is FailureKind.SLOW
    # The same calls in the same order are work where none of them only waits, and so are those of two
    # programs that talk with each other.
    talk = [Call("write", 64, 1), Call("read", 64, 2), Call("write", 1, 2), Call("read", 1, 1)] * 10
    assert word(talk) is FailureKind.SLOW
    assert word([Call("exec", 0), *(replace(call, thread=1) for call in polls)]) is FailureKind.USER_LOOP
    reads = [Call("open", 3), Call("read", 64), Call("close", 0)] * 20
    assert word(reads) is FailureKind.SLOW


def test_the_log_has_the_clock_and_the_interrupts() -> None:
    found = autopsy(hung(ticks=(5, 9), watched_s=0.08, interrupts={"27": 4, "79": 500}, timer="27"))
    lines = told.render(found).splitlines()
    assert "clock: tick 5 -> 9 of 200 a second, in 0.080 s" in lines
    assert "interrupts during the samples: 4 × 27, 500 × 79; 27 is the timer's" in lines


@pytest.mark.parametrize("life", ["dozing", "running", "ready"])
def test_the_thread_that_boots_waits_without_sleeping(life: str) -> None:
    boot = replace(holding(sleeper(IDLE, "mutex", 0x10), 0x10), life=life)
    cpu = Cpu(0, KERNEL, (KERNEL.place,), {}, thread=IDLE, idle=IDLE)
    found = diagnose(hung(boot, cpus=(cpu,), samples=((KERNEL,),) * 20))
    assert found.kind is FailureKind.SELF_DEADLOCK
    assert "take.rs:16" in found.sentence
