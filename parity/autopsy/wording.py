"""Threads, locks and code locations of an autopsy as text for sentences. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import dropwhile

from parity.autopsy.findings import CodeLocation, Cpu, Findings, PcSample, Thread
from parity.autopsy.locations import is_library
from parity.autopsy.waits import LOCKS, Wait, children

# The text for each kind of wait that the kernel records.
WAITED_FOR = {
    "queue": "a queue",
    "mutex": "a mutex",
    "child": "a child to end",
    "pipe": "a pipe",
    "ticks": "time to pass",
    "input": "input from the console",
    "disk": "the disk",
    "park": "another thread to unpark it",
    "join": "a kernel thread to end",
    "kthread": "a kernel thread",
}
MINUTE, HOUR = 60, 3600  # seconds


def thread_title(found: Findings, number: int) -> str:
    """A thread with its number, name and process."""
    thread = next((thread for thread in found.threads if thread.id == number), None)
    if thread is None:
        return f"thread {number}" if number else "the boot code"
    process = f", process {thread.pid}" if thread.pid else ""
    return f"thread {number} ({thread.name}{process})"


def waiting(found: Findings, want: Wait) -> str:
    """A thread, where it waits, and which threads could end the wait."""
    where = f"{want.site}{waiting_function(found, want)}"
    return f"{thread_title(found, want.thread)} waits at {where} for {_awaited(found, want)}"


def _awaited(found: Findings, want: Wait) -> str:
    if want.held:
        return f"{lock(found, want)}, taken at {want.held.site} by {thread_title(found, want.held.thread)}"
    others = " and ".join([thread_title(found, by) for by in want.by if by != want.thread])
    match want.kind:
        case "join":
            return f"{others or 'itself'} to end"
        case "child":
            return f"a child to end, which is {others}"
        case "pipe":
            return f"a pipe whose other end {'only ' if want.known else ''}{_holders(want, others)}"
        case "park":
            return f"another thread to unpark it, which {others} could do"
    name = found.names.get(hex(want.address)) or f"a queue at {want.address:#x}"
    return f"{name}, which {others} could wake"


def _holders(want: Wait, others: str) -> str:
    if want.thread not in want.by:
        return f"{others} {'has' if len(want.by) == 1 else 'have'}"
    return f"{others} and it have" if others else "it has itself"


def lock(found: Findings, want: Wait) -> str:
    """A lock, named by the variable that contains it, else by its address."""
    name = found.names.get(hex(want.address))
    kind = want.kind if want.kind in LOCKS else "lock"
    return f"the {kind} in {name}" if name else f"the {kind} at {want.address:#x}"


def awaited_event(found: Findings, thread: Thread) -> str:
    """The event for which a thread sleeps, where, until when, and why the event should have come."""
    place = next(iter(in_tree(thread.stack)), None)
    where = f", in {place.function}" if place and place.function else ""
    awaited = WAITED_FOR.get(thread.wait, thread.wait)
    return f"{awaited} at {thread.wait_site}{where}{until(found, thread)}{_lost(found, thread)}"


def until(found: Findings, thread: Thread) -> str:
    """The timeout of a thread's wait; empty if it has none."""
    if not thread.wait_until or not found.ticks:
        return ""
    left = thread.wait_until - found.ticks[-1]
    when = f", in {duration(left / found.tick_hz)}" if found.tick_hz and left > 0 else ""
    return f", until tick {thread.wait_until}{when} (the clock is at tick {found.ticks[-1]})"


def duration(seconds: float) -> str:
    """A duration in s, min, or h and min."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, rest = divmod(round(seconds), HOUR)
    return f"{hours} h {rest // MINUTE} min"


def _lost(found: Findings, thread: Thread) -> str:
    """Why the awaited event should have come, if that is known."""
    if thread.unparked_by:
        return f"; {thread_title(found, thread.unparked_by)} has unparked it, but it still sleeps"
    if not found.ends_noted:
        return ""
    ended = all(each.id != thread.wait_by or each.life == "ended" for each in found.threads)
    if thread.wait == "join" and ended:
        return f"; thread {thread.wait_by} has ended"
    if thread.wait == "child" and not children(found, thread):
        return "; it has no such child that is still alive"
    if thread.wait == "pipe" and not any(
        thread.wait_on in each.ends or each.more_ends for each in found.threads
    ):
        return "; no process has the other end of the pipe"
    return "".join(f"; {device}" for device in found.devices) if thread.wait == "disk" else ""


def waiting_function(found: Findings, want: Wait) -> str:
    """The function in which a thread waits."""
    stack = stack_of(found, want.thread)
    named = list(in_tree(stack))
    exact = (place for place in named if f"{place.file}:{place.line}" == want.site)
    place = next(exact, None) or next(iter(named), None)
    return f" (in {place.function})" if place and place.function else ""


def stack_of(found: Findings, number: int) -> Sequence[CodeLocation]:
    """The stack of the thread with this number."""
    cpu = next((cpu for cpu in found.cpus if cpu.thread == number), None)
    if cpu:
        return cpu.stack
    return next((thread.stack for thread in found.threads if thread.id == number), ())


# Functions that occur in every panic, or in every wait.
PANICS = re.compile(
    r"panicking::|panic_fmt|rust_begin_unwind|unwrap_failed|expect_failed|alloc_error|handle_error"
)
WAITS = re.compile(r"(^|::)sync::|(^|::)scheduler::|(^|::)vitals::|(^|::)tick::(wait|sleep)|::cpu::")


def callers_of(stack: Sequence[CodeLocation], end: re.Pattern[str]) -> Sequence[CodeLocation]:
    """The callers of the outermost function that matches `end`; empty if none matches."""
    last = max((at for at, place in enumerate(stack) if end.search(place.function)), default=len(stack))
    return stack[last + 1 :]


def panic_locations(stack: Sequence[CodeLocation]) -> list[CodeLocation]:
    """The code locations that led to a panic; if a trap panicked, those of the interrupted code."""
    frames = callers_of(stack, PANICS)
    # Traps enter through assembly, which has no line information.
    entry = next((at for at, place in enumerate(frames) if place.file is None), len(frames))
    return list(in_tree(frames[entry + 1 :])) or list(in_tree(frames))


def in_tree(stack: Iterable[CodeLocation]) -> Iterable[CodeLocation]:
    """The locations in the kernel's own code, without its functions for waiting."""
    for place in stack:
        foreign = place.function.startswith(("core::", "alloc::", "std::")) or is_library(place.file or "")
        if place.function and not foreign and not WAITS.search(place.function):
            yield place


def kernel_location(found: Findings) -> CodeLocation | None:
    """The location in the kernel's own code of the first processor that has one."""
    return next((place for cpu in found.cpus for place in in_tree(without_entry(cpu))), None)


def interrupted_location(found: Findings) -> CodeLocation | None:
    """The location in the kernel's own code that an interrupt has interrupted."""
    for cpu in found.cpus:
        # Assembly has no line information.
        entered = list(dropwhile(lambda place: place.file is not None, without_entry(cpu)))
        before = dropwhile(lambda place: place.file is None, entered or without_entry(cpu))
        if place := next(iter(in_tree(before)), None):
            return place
    return None


def without_entry(cpu: Cpu) -> Sequence[CodeLocation]:
    """The stack of a processor without the entry code of a trap that has just come in."""
    if not cpu.spot.entry:
        return cpu.stack
    code = next((at for at, place in enumerate(cpu.stack) if place.file is not None), len(cpu.stack))
    return cpu.stack[code:]


def loop_location(found: Findings, spots: Iterable[PcSample]) -> CodeLocation:
    """The kernel location that most samples have, without the entry code of traps."""
    place = most_often(spot.place for spot in spots if not spot.user and not spot.entry)
    return place if place.address else kernel_location(found) or CodeLocation(0, "the kernel's entry")


def taking_turns(found: Findings) -> str:
    """The threads that can run, and where they are; empty if there are fewer than two."""
    frames = []
    for thread in found.threads:
        place = next(iter(in_tree(stack_of(found, thread.id))), None)
        if place and thread.life in ("ready", "running") and not thread.name.startswith("idle"):
            frames.append(f"{thread_title(found, thread.id)} in {place}")
    return f"threads take turns: {', '.join(frames)}" if len(frames) > 1 else ""


def waiting_for_cpu(found: Findings, threads: Sequence[Thread]) -> str:
    """The threads that are ready but get no processor."""
    names = ", ".join(
        f"{thread_title(found, thread.id)} since tick {thread.ran} of {found.ticks[0]}" for thread in threads
    )
    return f"a thread is ready and does not run: {names}"


def processor_locations(found: Findings) -> str:
    """The location of each processor."""
    if not found.cpus:
        return "the processors were not seen"
    return "; ".join(f"cpu {cpu.number} is in {_place(cpu)}" for cpu in found.cpus)


def _place(cpu: Cpu) -> str:
    if cpu.spot.user:
        return f"user code at {cpu.spot.place.address:#x}"
    place = next(iter(in_tree(without_entry(cpu))), None)
    return str(place or (CodeLocation(cpu.spot.place.address) if cpu.spot.entry else cpu.spot.place))


def held_locks(found: Findings) -> str:
    """Where the held spin locks were taken."""
    sites = [lock.site for cpu in found.cpus for lock in cpu.locks]
    return f", holding locks taken at {', '.join(sites)}" if sites else ""


def most_often(places: Iterable[CodeLocation]) -> CodeLocation:
    """The most frequent location in the most frequent function."""
    known = list(places)
    counted = Counter(place.function for place in known)
    if not counted:
        return CodeLocation(0)
    function = counted.most_common(1)[0][0]
    return Counter(place for place in known if place.function == function).most_common(1)[0][0]


def first_function(found: Findings) -> str:
    """The function of the first processor, as part of a signature."""
    if not found.cpus:
        return ""
    cpu = found.cpus[0]
    return function_of(next(iter(without_entry(cpu)), CodeLocation(0)) if cpu.spot.entry else cpu.spot.place)


def function_of(place: CodeLocation) -> str:
    """The function of a location: a signature must not change with each changed line."""
    return place.function or (f"{place.file}:{place.line}" if place.file else "")


def running_name(found: Findings) -> str:
    """The name of the first running thread."""
    running = {cpu.thread for cpu in found.cpus}
    return next((thread.name for thread in found.threads if thread.id in running), "")


def without_numbers(text: str) -> str:
    """The text with the numbers that differ between runs replaced by #; file:line:column stays."""
    plain = re.sub(r"0x[0-9a-fA-F]+", "#", text)
    return re.sub(r"(?<![\w:.])\d+(\.\d+)?\b(?!:)", "#", plain)
