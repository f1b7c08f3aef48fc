"""The document of a comparison, and what moved between two: exactly the row that changed, and no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from parity.compare import arch_diff, machine_diff, parity_document
from parity.compare.coverage import Dimension, Figures
from parity.compare.parity_document import ParityReport
from parity.core.row import Row
from parity.report import arch_diff as report
from parity.spec.decision import Decision
from parity.spec.machine import Machine, RunSpec

ARCHS = ("aarch64", "x86_64")
ROW = Row("fork_test", "aarch64", "process", "pass", "pass", None, "", guest_s=0.2)
ROWS = [replace(ROW, name=name, arch=arch) for arch in ARCHS for name in ("fork_test", "dup_test")]
ARM = Machine(
    *("qemu-virt", "aarch64", "qemu-system-aarch64", (10, 0), "virt", "cortex-a72", "tcg"),
    *(1, 256, "virtio-blk-device", ("-device", "virtio-rng-device")),
)
SPECS = [
    RunSpec("fork_test", arch, "k" * 64, "d" * 64, replace(ARM, arch=arch), "init=/bin/fork_test")
    for arch in ARCHS
]
CALLS = {"FORK": "", "PIPE2": ""}


def stand(
    rows: Sequence[Row] = ROWS, x86_calls: dict[str, str] | None = CALLS, x86: RunSpec = SPECS[1]
) -> ParityReport:
    """How aarch64 stands to an x86-64 that may be given."""
    passing = {
        arch: {row.name: "" for row in rows if (row.arch, row.verdict) == (arch, "pass")} for arch in ARCHS
    }
    dimensions = [
        Dimension(
            Figures("Syscalls", "call", {"aarch64": "~68"}, "~97 %"), {"aarch64": CALLS, "x86_64": x86_calls}
        ),
        Dimension(Figures("Test Pass Rate", "pass", {}, "Improving"), passing, 2),
    ]
    fields = machine_diff.difference(
        {spec.arch: machine_diff.guest_environment([spec], {}) for spec in (SPECS[0], x86)}
    )
    return ParityReport(ARCHS, arch_diff.pairs(rows, ARCHS), dimensions, fields)


def differences(after: ParityReport) -> list[str]:
    made = [parity_document.document(each, "reference", "now") for each in (stand(), after)]
    return parity_document.differences(*(json.loads(json.dumps(each)) for each in made))


def test_nothing_moves_by_itself_nor_by_time() -> None:
    assert differences(stand([replace(row, guest_s=9.0) for row in ROWS])) == []


def test_a_verdict_moves_its_test() -> None:
    rows = [*ROWS[:3], replace(ROWS[3], verdict="hang")]
    assert differences(stand(rows)) == ["test: dup_test on x86_64: pass → hang"]


def test_a_call_less_moves_the_calls() -> None:
    assert differences(stand(x86_calls={"FORK": ""})) == ["matrix: Syscalls on x86_64: without PIPE2"]
    assert differences(stand(x86_calls=None)) == ["matrix: Syscalls on x86_64: 2 names → unknown"]


def test_a_device_less_moves_that_device() -> None:
    x86 = replace(SPECS[1], machine=replace(SPECS[1].machine, arguments=()))
    assert differences(stand(x86=x86)) == ["environment: device virtio-rng-device on x86_64: yes → none"]


def test_a_deadline_raised_moves_that_deadline() -> None:
    x86 = replace(SPECS[1], cpu_budget_s=60.0)
    assert differences(stand(x86=x86)) == ["CPU seconds before a hang: fork_test on x86_64: 20 → 60"]


def test_what_moves_alike_is_one_line_and_a_new_architecture_moves_nothing() -> None:
    rows = [*ROWS[:2], *(replace(row, verdict="hang") for row in ROWS[2:])]
    assert differences(stand(rows)) == ["test: fork_test, dup_test on x86_64: pass → hang"]
    alone = {**parity_document.document(stand(), "reference", "now"), "architectures": ["aarch64"]}
    assert parity_document.differences(alone, parity_document.document(stand(rows), "reference", "now")) == []


def test_a_decision_explains_what_an_architecture_lacks() -> None:
    decision = Decision("KD-1", "no such boots", "fast", date(2026, 2, 1), ("aarch64",), "boot_parallel")
    tasks = Dimension(
        Figures("Scripts", "task", {}, "50 %"), {"aarch64": {}, "x86_64": {"boot_parallel": "", "boot": ""}}
    )
    made = replace(stand(), dimensions=[tasks], decisions=[decision])
    assert "| aarch64: boot, boot_parallel (KD-1) |" in report.matrix(made).markdown()
    assert "- KD-1, 2026-02-01: no such boots: fast" in report.render(made, "a book", [])
    assert parity_document.document(made, "reference", "now")["decisions"][0]["since"] == "2026-02-01"


def test_the_document_comes_back_and_another_is_none(tmp_path: Path) -> None:
    file = tmp_path / "parity.json"
    assert parity_document.parse(file) is None
    made = parity_document.document(stand(), "reference", "now")
    file.write_text(json.dumps(made))
    assert parity_document.parse(file) == made
    assert made["dimensions"][1]["names"] == {arch: {"fork_test": "", "dup_test": ""} for arch in ARCHS}
    for text in ("", "[]", '{"format": 0}'):
        file.write_text(text)
        assert parity_document.parse(file) is None


def test_markdown_has_the_documents_figures_beside_what_was_counted() -> None:
    rows = [*ROWS[:3], replace(ROWS[3], verdict="hang")]
    text = report.render(stand(rows, {"FORK": ""}, replace(SPECS[1], cpu_budget_s=60.0)), "a book", ["KD-1"])
    assert "| Syscalls | ~68 |  | ~97 % | 2 | 1 | 50.0 % | x86_64: PIPE2 |" in text
    assert "| Test Pass Rate |  |  | Improving | 2 of 2 (100.00 %) | 1 of 2 (50.00 %) | 50.0 % |" in text
    assert "| dup_test | pass | hang | 0.200 | 0.200 |  | differs |" in text
    assert "Passes on aarch64, but not on all architectures: dup_test." in text
    assert "| CPU seconds before a hang: fork_test | 20 | 60 | differs |" in text
    assert "Equal: emulator (qemu-system-aarch64), " in text and "command line: fork_test (init=" in text
    assert "memory, MiB (256)" in text and "device virtio-blk-device (drive=root)" in text
    assert text.endswith("- KD-1\n")


def test_what_is_the_same_for_many_tests_is_one_line() -> None:
    specs = [
        replace(SPECS[0], test=name, cmdline=f"init=/bin/{name}") for name in ("a_test", "b_test", "c_test")
    ]
    slow = [replace(spec, arch="x86_64", cpu_budget_s=60.0) for spec in specs]
    slow[0] = replace(slow[0], cpu_budget_s=90.0)
    around = {
        arch: machine_diff.guest_environment(each, {})
        for arch, each in zip(ARCHS, (specs, slow), strict=True)
    }
    lines = (
        report.environment(replace(stand(), fields=machine_diff.difference(around))).markdown().splitlines()
    )
    assert lines[2:] == [
        "| CPU seconds before a hang: a_test | 20 | 90 | differs |",
        "| CPU seconds before a hang: 2 tests | 20 | 60 | differs |",
    ]


def test_an_architecture_without_results_is_said_to_be_unknown() -> None:
    text = report.render(stand(ROWS[:2]), "a book", [])
    assert "| fork_test | pass | unknown | 0.200 |  |  | unknown |" in text
    assert "There is no result for x86_64." in text
    assert "Of 2 tests, 0 are equal (0 of them have no program), 0 differ, 2 are unknown." in text
