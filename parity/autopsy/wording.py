"""Who and where, in words, of what an autopsy has found. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from parity.autopsy.findings import Cpu, Findings, Place, Thread
from parity.autopsy.lines import is_library
from parity.autopsy.locks import Want

# What the kernel's own words for waits mean.
WAITED_FOR = {
    "queue": "a queue",
    "mutex": "a mutex",
    "child": "a child to end",
    "pipe": "a pipe",
    "ticks": "time to pass",
    "input": "input from the console",
    "disk": "the disk",
    "kthread": "a kernel thread",
}


def who(found: Findings, number: int) -> str:
    """A thread by its number."""
    thread = next((thread for thread in found.threads if thread.id == number), None)
    if thread is None:
        return f"thread {number}" if number else "the boot code"
    process = f", process {thread.pid}" if thread.pid else ""
    return f"thread {number} ({thread.name}{process})"


def waiting(found: Findings, want: Want) -> str:
    """Who waits where for which lock, taken where by whom."""
    waiter, holder = who(found, want.thread), who(found, want.held.thread)
    what = f"{lock(found, want)}, taken at {want.held.site} by {holder}"
    return f"{waiter} waits at {want.site}{within(found, want)} for {what}"


def lock(found: Findings, want: Want) -> str:
    """A lock by the variable that it lies in, where it lies in one."""
    name = found.names.get(hex(want.address))
    return f"the {want.kind} in {name}" if name else f"the {want.kind} at {want.address:#x}"


def thing(thread: Thread) -> str:
    """What a thread sleeps on, and where."""
    place = next(iter(own(thread.stack)), None)
    where = f", in {place.function}" if place and place.function else ""
    return f"{WAITED_FOR.get(thread.wait, thread.wait)} at {thread.wait_site}{where}"


def within(found: Findings, want: Want) -> str:
    """In which function somebody waits for a lock."""
    stack = stack_of(found, want.thread)
    exact = (place for place in stack if f"{place.file}:{place.line}" == want.site)
    place = next(exact, None) or next(iter(own(stack)), None)
    return f" (in {place.function})" if place and place.function else ""


def stack_of(found: Findings, number: int) -> Sequence[Place]:
    """The stack of a thread, by its number."""
    cpu = next((cpu for cpu in found.cpus if cpu.thread == number), None)
    if cpu:
        return cpu.stack
    return next((thread.stack for thread in found.threads if thread.id == number), ())


# Functions that are the same whatever was the matter.
PANICS = re.compile(
    r"panicking::|panic_fmt|rust_begin_unwind|unwrap_failed|expect_failed|alloc_error|handle_error"
)
WAITS = re.compile(r"(^|::)sync::|(^|::)scheduler::|(^|::)tick::(wait|sleep)|::cpu::")


def behind(stack: Sequence[Place], end: re.Pattern[str]) -> Sequence[Place]:
    """Those that have called, by way of others, the outermost of such functions; nothing if there is none."""
    last = max((at for at, place in enumerate(stack) if end.search(place.function)), default=len(stack))
    return stack[last + 1 :]


def at_fault(stack: Sequence[Place]) -> list[Place]:
    """The places that led to a panic: of the code that a trap has interrupted, if the panic is the trap's."""
    told = behind(stack, PANICS)
    # Traps come in through assembly, of which there are no lines.
    entry = next((at for at, place in enumerate(told) if place.file is None), len(told))
    return list(own(told[entry + 1 :])) or list(own(told))


def own(stack: Iterable[Place]) -> Iterable[Place]:
    """The kernel's own places, without those where any thread waits."""
    for place in stack:
        foreign = place.function.startswith(("core::", "alloc::", "std::")) or is_library(place.file or "")
        if place.function and not foreign and not WAITS.search(place.function):
            yield place


def outer(found: Findings) -> Place | None:
    """The kernel's own code that a processor is in, whatever it has called to wait."""
    return next((place for cpu in found.cpus for place in own(cpu.stack)), None)


def turns(found: Findings) -> str:
    """Threads that could all go on, and where they are; empty if there are not two of them."""
    told = []
    for thread in found.threads:
        place = next(iter(own(stack_of(found, thread.id))), None)
        if place and thread.life in ("ready", "running") and not thread.name.startswith("idle"):
            told.append(f"{who(found, thread.id)} in {place}")
    return f"threads take turns: {', '.join(told)}" if len(told) > 1 else ""


def whereabouts(found: Findings) -> str:
    """Where the processors are."""
    if not found.cpus:
        return "the processors were not seen"
    return "; ".join(f"cpu {cpu.number} is in {_place(cpu)}" for cpu in found.cpus)


def _place(cpu: Cpu) -> str:
    if cpu.spot.user:
        return f"user code at {cpu.spot.place.address:#x}"
    return str(next(iter(own(cpu.stack)), cpu.spot.place))


def holding(found: Findings) -> str:
    """Where the spin locks that are held were taken."""
    sites = [lock.site for cpu in found.cpus for lock in cpu.locks]
    return f", holding locks taken at {', '.join(sites)}" if sites else ""


def most_often(places: Iterable[Place]) -> Place:
    """The commonest place in the commonest function."""
    known = list(places)
    counted = Counter(place.function for place in known)
    if not counted:
        return Place(0)
    function = counted.most_common(1)[0][0]
    return Counter(place for place in known if place.function == function).most_common(1)[0][0]


def first_function(found: Findings) -> str:
    """Where the first processor is, as part of a signature."""
    return function_of(found.cpus[0].spot.place) if found.cpus else ""


def function_of(place: Place) -> str:
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
