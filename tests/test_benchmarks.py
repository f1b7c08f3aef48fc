"""What of the benchmarks can be right or wrong without a clock: reading output, figures, tables, commands."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from test_machine import spec

import benchmarks
from benchmarks import canaries, figure, fresh, one_program, plain_guest, table
from benchmarks.bench import Bench, unquoted
from benchmarks.figure import Aim, Figure, Record, ratio
from benchmarks.output import Output
from parity.build.workspace import Workspace
from parity.core.errors import InfraError, UserError
from parity.core.progress import LaneUse, Stage
from parity.guest.guest import judge_recording
from parity.report.terminal import Screen
from parity.spec import suite as suites
from parity.spec import tree as trees
from parity.spec.machine import GuestPaths, qemu_argv

ROOT = Path(__file__).parent.parent

LOG = """\
doit: making .venv with the Python packages of pyproject.toml
doit: .venv: done in 24 s
pull docker.io/debian: 10 s … Downloading
pull docker.io/debian: done in 12.5 s
image toolchain: done in 90.2 s
userspace aarch64: 10 s … Compiling core
userspace aarch64: done in 61.0 s
  43 programs
kernel aarch64-testing: kept
kernel aarch64-testing: kept
disk aarch64: done in 1.0 s
1/2 pass fork_test aarch64 0.63 s
2/2 fail dup_test aarch64 12.10 s
2 guests on 2 lanes in 6.200 s, 1.24 × the ideal of 5.000 s
aarch64: 1 of 80 pass (1.25 %), 79 missing; not as expected: dup_test

real\t3m30.000s
user\t0m1.234s
""".splitlines()


def test_plain_output_says_what_was_made_what_was_kept_and_what_ran() -> None:
    output = Output(LOG, 210.0)
    assert output.made == [
        Stage(".venv", 24.0),
        Stage("pull docker.io/debian", 12.5),
        Stage("image toolchain", 90.2),
        Stage("userspace aarch64", 61.0),
        Stage("disk aarch64", 1.0),
    ]
    assert output.kept == ["kernel aarch64-testing"]
    assert output.guests == ["fork_test aarch64", "dup_test aarch64"]
    assert output.use == LaneUse(guests=2, lanes=2, span_s=6.2, wall_s=10.0)


def test_what_a_screen_prints_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    with screen.stage("disk aarch64"):
        pass
    screen.used(LaneUse(24, 2, 6.2144, 10.31))
    output = Output(capsys.readouterr().out.splitlines(), 0.0)
    assert [stage.title for stage in output.made] == ["disk aarch64"]
    assert output.use == LaneUse(24, 2, 6.214, 10.31)


def test_two_pools_where_one_is_expected_are_no_figure() -> None:
    line = "2 guests on 2 lanes in 6.200 s, 1.24 × the ideal of 5.000 s"
    for lines in ([], [line, line]):
        with pytest.raises(InfraError, match="one pool"):
            _ = Output(lines, 0.0).use


def test_a_fresh_machines_log_gives_minutes_per_stage_which_add_up() -> None:
    found = {each.name: each.median for each in fresh.figures(LOG)}
    assert found.pop("all") == pytest.approx(3.5)
    assert sum(found.values()) == pytest.approx(3.5)
    assert found["image toolchain"] == pytest.approx(90.2 / 60)
    assert found["2 guests"] == pytest.approx(6.2 / 60)
    assert found["stages under a tenth of a minute"] == pytest.approx(1 / 60)
    assert found["the rest"] == pytest.approx((210 - 24 - 12.5 - 90.2 - 61 - 1 - 6.2) / 60)


def test_a_log_without_times_is_none() -> None:
    for lines in (LOG[:-2], LOG[-2:], []):
        with pytest.raises(UserError, match="no stage"):
            fresh.figures(lines)


def test_a_ratio_is_taken_round_by_round() -> None:
    # The machine was slower in the second round, for both.
    found = ratio("one against other", [2.0, 8.0, 3.0], [1.0, 4.0, 2.0], Aim(2), ("one", "other"))
    assert list(found.values) == [2.0, 2.0, 1.5]
    assert found.median == 2.0
    assert found.arms == {"one": [2.0, 8.0, 3.0], "other": [1.0, 4.0, 2.0]}
    with pytest.raises(ValueError, match="shorter"):
        ratio("cut", [1.0], [], None, ("one", "other"))


def test_an_aim_is_a_ceiling_or_a_floor() -> None:
    assert [Aim(2).met(value) for value in (1.9, 2.0, 2.1)] == [True, True, False]
    assert [Aim(15, at_least=True).met(value) for value in (14.9, 15.0)] == [False, True]
    assert (str(Aim(1.2)), str(Aim(15, at_least=True))) == ("≤ 1.2", "≥ 15")


def record(*figures: Figure) -> Record:
    when, host = "2026-01-01T00:00:00+00:00", "x86_64/X/2cpu/tcg"
    return Record("lane", "A guest.", when, host, "abc", load=0.1, seconds=9.0, figures=figures)


def test_a_record_comes_back_with_every_sample(tmp_path: Path) -> None:
    kept = record(
        Figure("ratio", "×", [1.0, 1.25], Aim(1.1), {"lane": [2.0, 2.5], "plain": [2.0, 2.0]}, ["a note"]),
        Figure("floor", "×", [20.0], Aim(15, at_least=True), notes=[]),
        Figure("bare", "s", [0.12341], notes=[]),
    )
    place = figure.save(tmp_path / "results", kept)
    text = place.read_text(encoding="utf-8")
    assert '"median": 1.125' in text and '"max": 1.25' in text
    bare = replace(kept.figures[2], values=[0.1234])
    assert figure.load(place) == replace(kept, figures=[*kept.figures[:2], bare])
    place.write_text(text.replace('"format": 1', '"format": 0'), encoding="utf-8")
    with pytest.raises(ValueError, match="format"):
        figure.load(place)


def test_the_tables_show_median_spread_and_whether_the_aim_is_met() -> None:
    kept = record(
        Figure("slow", "×", [1.0, 1.3, 1.2], Aim(1.1), {"lane": [2.0, 3.0, 4.0]}),
        Figure("bare", "s", [123.4], notes=["said"]),
    )
    text = table.readme([kept])
    assert "## lane\n\nA guest.\n" in text
    assert "| slow | 1.20 × | 1 – 1.30 | ≤ 1.1, missed | 3 | lane 3 |" in text
    assert "| bare | 123 s | 123 – 123 |  | 1 |  |" in text
    assert (
        "- said\n- 2026-01-01, x86_64/X/2cpu/tcg, revision abc\n- load 0.1 when it began; took 9 s\n" in text
    )
    assert table.notes([kept]) == ["lane: said"]
    with (console := Console(width=200)).capture() as shown:
        console.print(table.render([kept]))
    assert "1.20 ×" in shown.get() and "≤ 1.1, missed" in shown.get()


def test_arms_are_measured_in_turn_and_every_second_round_the_other_way_round(tmp_path: Path) -> None:
    order: list[str] = []
    clock = itertools.count()

    def arm(name: str) -> float:
        order.append(name)
        return float(next(clock))

    tree = trees.load(ROOT / "trees" / "reference.yaml")
    suite = suites.load(ROOT / "suites" / "user_programs.yaml", tree.archs)
    bench = Bench(Workspace(tmp_path, tmp_path / "cache", Screen()), tree, suite, ("a",), lanes=2, rounds=3)
    found = bench.in_turn({"a": lambda: arm("a"), "b": lambda: arm("b")})
    assert "".join(order) == "abbaab"
    assert found == {"a": [0.0, 3.0, 4.0], "b": [1.0, 2.0, 5.0]}


def test_a_plain_guest_is_a_lanes_without_what_only_a_lane_needs() -> None:
    paths = GuestPaths("/k", "/d")
    lane, plain = qemu_argv(spec(), paths), plain_guest.argv(spec(), paths, "/console", "/channel")
    for word in ("-S", "-action", "shutdown=pause", "-mon"):
        assert word in lane and word not in plain
    assert not any("fd=" in word or "qmp" in word for word in plain)
    assert "file,id=console,path=/console" in plain and "file,id=channel,path=/channel" in plain
    assert set(plain) - set(lane) == {"file,id=console,path=/console", "file,id=channel,path=/channel"}
    assert set(plain_guest.without_command_line(plain)) == set(plain) - {"-append", spec().cmdline}


def test_a_changed_program_differs_in_one_line_that_compiles_into_it() -> None:
    source = "//! Says.\nulib::test!(main);\n\nfn main(_: &Args) {\n    check();\n}\n"
    changed = one_program.changed(source, "round 1")
    assert changed == source.replace("{\n", '{\n    core::hint::black_box("round 1");\n', 1)
    with pytest.raises(InfraError, match="fn main"):
        one_program.changed("fn other() {}", "round 1")


def test_a_script_is_given_only_what_it_can_split() -> None:
    assert unquoted(["-machine", "virt,gic-version=2"]) == "-machine virt,gic-version=2"
    for word in ("two words", 'a"b'):
        with pytest.raises((InfraError, ValueError)):
            unquoted([word])


@pytest.mark.parametrize("name", benchmarks.ALL)
def test_every_benchmark_says_what_it_measures_and_how_often(name: str) -> None:
    found = benchmarks.ALL[name]
    assert found.__doc__ and found.WHAT.endswith(".") and found.ROUNDS >= 1


@pytest.mark.parametrize("name, least_s", [("hang-asleep", 3.0), ("hang-spinning", 3.0)])
def test_a_hang_begins_with_the_last_thing_that_was_told(name: str, least_s: float) -> None:
    waited_s = canaries.hang_s(judge_recording(ROOT / "tests" / "data" / "guests" / f"{name}.jsonl"))
    assert waited_s is not None
    assert least_s <= waited_s <= least_s + 2


def test_a_guest_that_ends_does_not_hang() -> None:
    ended = judge_recording(ROOT / "tests" / "data" / "guests" / "fail-hello_world.jsonl")
    assert canaries.hang_s(ended) is None
