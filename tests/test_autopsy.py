"""Autopsies: from findings recorded of real guests to words; stacks; names."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import pytest

from parity.autopsy import document
from parity.autopsy.demangle import demangle
from parity.autopsy.diagnose import Autopsy, diagnose
from parity.autopsy.diagnosis import FailureKind
from parity.autopsy.findings import Call, CodeLocation, Cpu, Findings, Lock, PcSample, Thread
from parity.autopsy.unwind import chain
from parity.report import autopsy as report_autopsy

RECORDED = sorted((Path(__file__).parent / "data" / "autopsies").glob("*.json"))


def recorded(name: str) -> Autopsy:
    found = document.parse((Path(__file__).parent / "data" / "autopsies" / f"{name}.json").read_bytes())
    assert found is not None
    return found


def word(path: Path) -> str:
    """The word that a file's name begins with."""
    return path.name.partition("--")[0].replace("_", " ")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_guests(path: Path) -> None:
    found = diagnose(recorded(path.stem).findings)
    assert found.kind == word(path)
    assert found.sentence
    assert found.signature.startswith(found.kind)


@pytest.mark.parametrize("arch", sorted({path.stem.partition(".")[2] for path in RECORDED}))
def test_a_lock_kept_on_the_way_to_user_space_is_named(arch: str) -> None:
    found = diagnose(recorded(f"self-deadlock--disk_lock.{arch}").findings)
    for what in ("kernel::fs::disk::VOLUME", "block_cache.rs:", "which it holds itself", "file_read_test"):
        assert what in found.sentence


def test_the_word_does_not_depend_on_names() -> None:
    """Names of threads, what the console says and what the judge said may be anything."""
    for path in RECORDED:
        found = recorded(path.stem).findings
        threads = tuple(replace(thread, name=f"n{random.random()}") for thread in found.threads)
        console = ("sleeps spins deadlock",) if found.console else ()
        other = replace(found, threads=threads, console=console, names={})
        assert diagnose(other).kind == word(path)


def bare(value: object) -> object:
    """Findings of a kernel without symbols: places are addresses, and assembly is like any code."""
    if isinstance(value, dict):
        known = {"function": "", "file": None, "line": None, "entry": False}
        return {key: known[key] if key in known else bare(item) for key, item in value.items()}
    return [bare(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_word_does_not_depend_on_symbols(path: Path) -> None:
    found = recorded(path.stem).findings
    stripped = Findings.parse(cast("dict[str, Any]", bare(asdict(replace(found, names={})))))
    assert diagnose(stripped).kind == word(path)
    assert "trap_vectors" not in diagnose(found).sentence


def test_without_a_kernels_own_notes_it_is_the_same_or_unknown() -> None:
    """Another kernel, or one without symbols: what was seen of its processors is all there is."""
    for path in RECORDED:
        found = recorded(path.stem).findings
        cpus = tuple(replace(cpu, thread=0, wants=0, locks=(), idle=0, resting=False) for cpu in found.cpus)
        bare = replace(
            found, table=False, threads=(), ticks=(), counted=None, during=None, names={}, cpus=cpus
        )
        assert diagnose(replace(bare, calls=())).kind in (word(path), "unknown"), path


def test_findings_survive_json() -> None:
    for path in RECORDED:
        found = recorded(path.stem)
        assert document.parse(document.as_json(found).encode()) == found
        assert Findings.parse(json.loads(json.dumps(asdict(found.findings)))) == found.findings
    assert document.parse(b"{}") is None
    assert document.parse(b'{"format": 99}') is None
    assert document.parse(b"no json") is None


def test_the_text_says_it_all() -> None:
    text = report_autopsy.render(recorded("self-deadlock--disk_lock.aarch64"))
    assert text.startswith("autopsy: self-deadlock\n")
    for what in ("cpu 0, thread 1", "in 20 samples", "sleeping, waits for mutex", "TIMER_TICK", "holds 0x"):
        assert what in text


def thread(number: int, *locks: int, on: int = 0, wait: str = "mutex", life: str = "sleeping") -> Thread:
    held = tuple(Lock(address, f"take.rs:{address}", number) for address in locks)
    site = f"wait.rs:{on}" if on or wait != "mutex" else ""
    return Thread(number, number, f"t{number}", life, 0, wait if site else "", on, site, 0, held)


def hung(*threads: Thread) -> Findings:
    return Findings("aarch64", "it was silent", True, False, None, None, table=True, threads=threads)


def test_threads_that_wait_for_each_other_are_named_in_their_order() -> None:
    two = diagnose(hung(thread(1, 0xA, on=0xB), thread(2, 0xB, on=0xA), thread(3, on=0xA)))
    assert two.kind is FailureKind.DEADLOCK
    assert two.sentence.count("waits at") == 2
    three = diagnose(hung(thread(1, 1, on=2), thread(2, 2, on=3), thread(3, 3, on=1)))
    assert three.kind is FailureKind.DEADLOCK
    assert three.sentence.count("waits at") == 3
    turned = diagnose(hung(thread(3, 3, on=1), thread(2, 2, on=3), thread(1, 1, on=2)))
    assert turned.signature == three.signature


def test_a_lock_whose_holder_has_ended_or_waits_for_others_is_a_deadlock() -> None:
    ended = diagnose(hung(thread(1, 0xA, life="ended"), thread(2, on=0xA)))
    assert (ended.kind, "which has ended" in ended.sentence) == (FailureKind.DEADLOCK, True)
    parent = diagnose(hung(thread(1, 0xA, on=0xC, wait="child"), thread(2, on=0xA)))
    assert (parent.kind, "which waits for a child to end at" in parent.sentence) == (
        FailureKind.DEADLOCK,
        True,
    )
    reader = hung(thread(1, 0xA, on=0xD, wait="disk"), thread(2, on=0xA))
    assert diagnose(reader).kind is FailureKind.UNKNOWN
    asleep = diagnose(
        replace(reader, samples=((PcSample(CodeLocation(1, "idle"), False, True, True),),) * 20)
    )
    assert asleep.kind is FailureKind.LOST_WAKE_UP
    assert "thread 1 (t1, process 1) waits for the disk" in asleep.sentence
    assert "t2" not in asleep.sentence


def test_a_lock_whose_holder_runs_is_none() -> None:
    busy = hung(thread(1, 0xA, life="running"), thread(2, on=0xA))
    assert diagnose(busy).kind is FailureKind.UNKNOWN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src/lib.rs:1:2: index out of bounds", FailureKind.PANIC),
        ("memory allocation of 64 bytes failed", FailureKind.OUT_OF_MEMORY),
        ("kernel: StackOverflow at 0xffff", FailureKind.DOUBLE_FAULT),
    ],
)
def test_what_a_panic_says_decides_its_word(text: str, expected: FailureKind) -> None:
    found = diagnose(replace(hung(), hang=None, panic=text))
    assert found.kind is expected
    assert text in found.sentence


def test_a_panic_of_a_trap_is_the_interrupted_codes() -> None:
    names = (
        "core::panicking::panic_fmt",
        "kernel::trap::handle_fault",
        "save_kernel",
        "kernel::fs::read",
        "main",
    )
    stack = tuple(
        CodeLocation(at, name, None if name == "save_kernel" else "f.rs", at) for at, name in enumerate(names)
    )
    cpu = Cpu(0, PcSample(stack[0], False, True, False), stack, {})
    found = replace(hung(), hang=None, panic="fault in the kernel: Page", cpus=(cpu,))
    assert diagnose(found).sentence.endswith("; in kernel::fs::read (f.rs:3)")
    naked = replace(cpu, stack=(*stack[:3], CodeLocation(9, "read"), stack[4]))
    assert diagnose(replace(found, cpus=(naked,))).sentence.endswith("; in read, called by main (f.rs:4)")
    own = replace(cpu, stack=(*stack[:2], CodeLocation(9, "_start")))
    assert diagnose(replace(found, cpus=(own,))).sentence.endswith("; in kernel::trap::handle_fault (f.rs:1)")


def test_an_emulator_without_an_answer_and_a_kernel_without_a_word() -> None:
    assert diagnose(replace(hung(), stalled="no answer to stop")).kind is FailureKind.EMULATOR_STALLED
    assert diagnose(replace(hung(), hello=False)).kind is FailureKind.NEVER_BOOTED
    assert diagnose(replace(hung(), hello=False, console=("Booting",))).kind is FailureKind.UNKNOWN


def test_stacks_end_where_they_are_broken() -> None:
    records = {0x100: (0x200, 0xA), 0x200: (0x300, 0xB), 0x300: (0, 0xC)}
    assert chain(0x100, records.get) == [0xA, 0xB, 0xC]
    assert chain(0x100, {**records, 0x200: (0x100, 0xB)}.get) == [0xA, 0xB]
    assert chain(0x100, {0x100: (0x208, 0xA)}.get) == [0xA]
    assert chain(0x101, records.get) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (
            "_RNvYNtNtNtCskKxSGf38qAB_6kernel2fs3tty7ConsoleNtNtB6_4file4File4listB8_",
            "kernel::fs::tty::Console::list",
        ),
        ("_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic"),
        ("_RNvBAD", "_RNvBAD"),
        ("trap_vectors", "trap_vectors"),
    ],
)
def test_names_of_symbols_become_paths(name: str, path: str) -> None:
    assert demangle(name) == path


def test_a_program_that_asks_for_the_same_again_and_again_gets_nowhere() -> None:
    kernel = PcSample(CodeLocation(1, "write"), user=False, masked=False, halted=False)
    busy = replace(hung(), samples=((kernel,),) * 20, ticks=(7, 9), during={"SYSCALL_ENTRY": 40})
    same = diagnose(replace(busy, calls=(Call("write", 64),) * 40))
    assert same.kind is FailureKind.USER_LOOP
    assert "only calls write (gives 64, 40 times)" in same.sentence
    various = tuple(Call("read", number) for number in range(40))
    assert diagnose(replace(busy, calls=various)).kind is FailureKind.SLOW
    assert diagnose(busy).kind is FailureKind.LIVELOCK
