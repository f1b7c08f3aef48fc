"""Who and where, in words, of what an autopsy has found. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import dropwhile

from parity.autopsy.findings import CodeLocation, Cpu, Findings, PcSample, Thread
from parity.autopsy.locations import is_library
from parity.autopsy.waits import LOCKS, Want, children

# What the kernel's own words for waits mean.
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


def who(found: Findings, number: int) -> str:
    """A thread by its number."""
    thread = next((thread for thread in found.threads if thread.id == number), None)
    if thread is None:
        return f"thread {number}" if number else "the boot code"
    process = f", process {thread.pid}" if thread.pid else ""
    return f"thread {number} ({thread.name}{process})"


def waiting(found: Findings, want: Want) -> str:
    """Who waits where for what, and who could end that."""
    return f"{who(found, want.thread)} waits at {want.site}{within(found, want)} for {_awaited(found, want)}"


def _awaited(found: Findings, want: Want) -> str:
    if want.held:
        return f"{lock(found, want)}, taken at {want.held.site} by {who(found, want.held.thread)}"
    others = " and ".join([who(found, by) for by in want.by if by != want.thread])
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


def _holders(want: Want, others: str) -> str:
    if want.thread not in want.by:
        return f"{others} {'has' if len(want.by) == 1 else 'have'}"
    return f"{others} and it have" if others else "it has itself"


def lock(found: Findings, want: Want) -> str:
    """A lock by the variable that it lies in, where it lies in one."""
    name = found.names.get(hex(want.address))
    kind = want.kind if want.kind in LOCKS else "lock"
    return f"the {kind} in {name}" if name else f"the {kind} at {want.address:#x}"


def thing(found: Findings, thread: Thread) -> str:
    """What a thread sleeps on, where, until when, and what is known of who could end that."""
    place = next(iter(in_tree(thread.stack)), None)
    where = f", in {place.function}" if place and place.function else ""
    awaited = WAITED_FOR.get(thread.wait, thread.wait)
    return f"{awaited} at {thread.wait_site}{where}{until(found, thread)}{_lost(found, thread)}"


def until(found: Findings, thread: Thread) -> str:
    """Until when a thread waits; empty where nothing ends it."""
    if not thread.wait_until or not found.ticks:
        return ""
    left = thread.wait_until - found.ticks[-1]
    when = f", in {duration(left / found.tick_hz)}" if found.tick_hz and left > 0 else ""
    return f", until tick {thread.wait_until}{when} (the clock is at tick {found.ticks[-1]})"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f} min"
    hours, rest = divmod(round(seconds), HOUR)
    return f"{hours} h {rest // MINUTE} min"


def _lost(found: Findings, thread: Thread) -> str:
    """Why what a thread waits for should have come, where that is known."""
    if thread.unparked_by:
        return f"; {who(found, thread.unparked_by)} has unparked it, and it sleeps on"
    if not found.ends_noted:
        return ""
    ended = all(each.id != thread.wait_by or each.life == "ended" for each in found.threads)
    if thread.wait == "join" and ended:
        return f"; thread {thread.wait_by} has ended"
    if thread.wait == "child" and not children(found, thread):
        return "; no such child is left that has not ended"
    if thread.wait == "pipe" and not any(
        thread.wait_on in each.ends or each.more_ends for each in found.threads
    ):
        return "; no process has its other end"
    return "".join(f"; {device}" for device in found.devices) if thread.wait == "disk" else ""


def within(found: Findings, want: Want) -> str:
    """In which function somebody waits for a lock."""
    stack = stack_of(found, want.thread)
    named = list(in_tree(stack))
    exact = (place for place in named if f"{place.file}:{place.line}" == want.site)
    place = next(exact, None) or next(iter(named), None)
    return f" (in {place.function})" if place and place.function else ""


def stack_of(found: Findings, number: int) -> Sequence[CodeLocation]:
    """The stack of a thread, by its number."""
    cpu = next((cpu for cpu in found.cpus if cpu.thread == number), None)
    if cpu:
        return cpu.stack
    return next((thread.stack for thread in found.threads if thread.id == number), ())


# Functions that are the same whatever was the matter.
PANICS = re.compile(
    r"panicking::|panic_fmt|rust_begin_unwind|unwrap_failed|expect_failed|alloc_error|handle_error"
)
WAITS = re.compile(r"(^|::)sync::|(^|::)scheduler::|(^|::)vitals::|(^|::)tick::(wait|sleep)|::cpu::")


def behind(stack: Sequence[CodeLocation], end: re.Pattern[str]) -> Sequence[CodeLocation]:
    """Those that have called, by way of others, the outermost of such functions; nothing if there is none."""
    last = max((at for at, place in enumerate(stack) if end.search(place.function)), default=len(stack))
    return stack[last + 1 :]


def at_fault(stack: Sequence[CodeLocation]) -> list[CodeLocation]:
    """The places that led to a panic: of the code that a trap has interrupted, if the panic is the trap's."""
    frames = behind(stack, PANICS)
    # Traps come in through assembly, of which there are no lines.
    entry = next((at for at, place in enumerate(frames) if place.file is None), len(frames))
    return list(in_tree(frames[entry + 1 :])) or list(in_tree(frames))


def in_tree(stack: Iterable[CodeLocation]) -> Iterable[CodeLocation]:
    """The kernel's own places, without those where any thread waits."""
    for place in stack:
        foreign = place.function.startswith(("core::", "alloc::", "std::")) or is_library(place.file or "")
        if place.function and not foreign and not WAITS.search(place.function):
            yield place


def outer(found: Findings) -> CodeLocation | None:
    """The kernel's own code that a processor is in, whatever it has called to wait."""
    return next((place for cpu in found.cpus for place in in_tree(behind_entry(cpu))), None)


def interrupted(found: Findings) -> CodeLocation | None:
    """The kernel's own code that a processor was in before an interrupt."""
    for cpu in found.cpus:
        # Assembly has no lines.
        entered = list(dropwhile(lambda place: place.file is not None, behind_entry(cpu)))
        before = dropwhile(lambda place: place.file is None, entered or behind_entry(cpu))
        if place := next(iter(in_tree(before)), None):
            return place
    return None


def behind_entry(cpu: Cpu) -> Sequence[CodeLocation]:
    """The stack of a processor without the assembly through which a trap has just come in."""
    if not cpu.spot.entry:
        return cpu.stack
    code = next((at for at, place in enumerate(cpu.stack) if place.file is not None), len(cpu.stack))
    return cpu.stack[code:]


def looped(found: Findings, spots: Iterable[PcSample]) -> CodeLocation:
    """Where a processor goes round, in the kernel: never the assembly through which traps come in."""
    place = most_often(spot.place for spot in spots if not spot.user and not spot.entry)
    return place if place.address else outer(found) or CodeLocation(0, "the kernel's entry")


def turns(found: Findings) -> str:
    """Threads that could all go on, and where they are; empty if there are not two of them."""
    frames = []
    for thread in found.threads:
        place = next(iter(in_tree(stack_of(found, thread.id))), None)
        if place and thread.life in ("ready", "running") and not thread.name.startswith("idle"):
            frames.append(f"{who(found, thread.id)} in {place}")
    return f"threads take turns: {', '.join(frames)}" if len(frames) > 1 else ""


def hungry(found: Findings, threads: Sequence[Thread]) -> str:
    """Threads that are ready and get no processor."""
    names = ", ".join(
        f"{who(found, thread.id)} since tick {thread.ran} of {found.ticks[0]}" for thread in threads
    )
    return f"a thread is ready and does not run: {names}"


def whereabouts(found: Findings) -> str:
    """Where the processors are."""
    if not found.cpus:
        return "the processors were not seen"
    return "; ".join(f"cpu {cpu.number} is in {_place(cpu)}" for cpu in found.cpus)


def _place(cpu: Cpu) -> str:
    if cpu.spot.user:
        return f"user code at {cpu.spot.place.address:#x}"
    place = next(iter(in_tree(behind_entry(cpu))), None)
    return str(place or (CodeLocation(cpu.spot.place.address) if cpu.spot.entry else cpu.spot.place))


def holding(found: Findings) -> str:
    """Where the spin locks that are held were taken."""
    sites = [lock.site for cpu in found.cpus for lock in cpu.locks]
    return f", holding locks taken at {', '.join(sites)}" if sites else ""


def most_often(places: Iterable[CodeLocation]) -> CodeLocation:
    """The commonest place in the commonest function."""
    known = list(places)
    counted = Counter(place.function for place in known)
    if not counted:
        return CodeLocation(0)
    function = counted.most_common(1)[0][0]
    return Counter(place for place in known if place.function == function).most_common(1)[0][0]


def first_function(found: Findings) -> str:
    """Where the first processor is, as part of a signature."""
    if not found.cpus:
        return ""
    cpu = found.cpus[0]
    return function_of(next(iter(behind_entry(cpu)), CodeLocation(0)) if cpu.spot.entry else cpu.spot.place)


def function_of(place: CodeLocation) -> str:
    """A place as part of a signature, which must not change with every line."""
    return place.function or (f"{place.file}:{place.line}" if place.file else "")


def running_name(found: Findings) -> str:
    """The name of a thread that runs."""
    running = {cpu.thread for cpu in found.cpus}
    return next((thread.name for thread in found.threads if thread.id in running), "")


def plain(text: str) -> str:
    """Without the numbers that differ from run to run; places in a source stay."""
    plain = re.sub(r"0x[0-9a-fA-F]+", "#", text)
    return re.sub(r"(?<![\w:.])\d+(\.\d+)?\b(?!:)", "#", plain)
