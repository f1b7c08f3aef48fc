import json
from dataclasses import replace
from pathlib import Path

import frames
import pytest
from test_machine import spec

from parity.autopsy.diagnose import Autopsy
from parity.autopsy.diagnosis import Diagnosis, FailureKind
from parity.autopsy.findings import Findings
from parity.core.errors import UserError
from parity.guest import guest
from parity.guest.guest import GuestRun, judge_recording, judged, run_guest
from parity.guest.inspector import Inspector
from parity.guest.lane import DockerLane, LaneError, Message, ReplayLane
from parity.guest.observer import GuestObserver, Hook
from parity.judge.channel import Hello, ProcessEnd, Shutdown
from parity.judge.event import Exit, SerialMatch
from parity.judge.state import State
from parity.judge.verdict import Judgement, Verdict
from parity.spec import machine
from parity.spec.machine import RunSpec

RECORDINGS = sorted((Path(__file__).parent / "data/guests").glob("*.jsonl"))
PATTERNS = ("KERNEL PANIC:",)


def run(spec: RunSpec, messages: list[Message], tmp_path: Path) -> GuestRun:
    return run_guest(ReplayLane({spec.test: messages}), spec, PATTERNS, tmp_path / "recording.jsonl")


def test_a_guest_from_start_to_reaped(tmp_path: Path) -> None:
    seen = run(spec(), frames.messages(frames.good_run(), b"hi\nthere"), tmp_path)
    assert seen.judgement == Judgement(Verdict.PASS, "PID 1 (fork_test) ended with status 0")
    assert [line.text for line in seen.lines] == ["hi", "there"]
    assert seen.wall_s == pytest.approx(0.21)
    assert seen.guest_s == 0.0
    assert isinstance(seen.events[-1].event, Exit)


def test_guest_time_is_from_hello_to_shutdown(tmp_path: Path) -> None:
    late = [Message("channel", 1.6, frames.shutdown()), *frames.power_off(1.7)]
    seen = run(spec(), frames.messages(frames.good_run()[: -len(frames.shutdown())], tail=late), tmp_path)
    assert seen.guest_s == pytest.approx(1.5)
    assert seen.judgement.verdict == "pass"


def test_a_recording_gives_the_verdict_of_the_run(tmp_path: Path) -> None:
    for messages in (
        frames.messages(frames.good_run(), b"hi\n"),
        frames.messages(frames.good_run(status=3), b"hi\n\xff"),
        frames.messages(b"", b"KERNEL PANIC: no memory"),
        frames.messages(frames.hello() + b"PR\0\0junk"),
        frames.messages(frames.hello(), tail=[frames.exited(0.5, signal=9)]),
    ):
        live = run(spec(), messages, tmp_path)
        assert judge_recording(tmp_path / "recording.jsonl") == live


def test_a_recording_of_a_machine_with_firmware(tmp_path: Path) -> None:
    profile = machine.load(Path(__file__).parents[1] / "machines" / "qemu-q35-uefi.yaml")
    live = run(
        replace(spec(), machine=profile, firmware="f" * 64), frames.messages(frames.good_run()), tmp_path
    )
    assert judge_recording(tmp_path / "recording.jsonl") == live


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_guests(path: Path) -> None:
    assert judge_recording(path).judgement.verdict == path.name.partition("-")[0]


def test_there_are_recorded_guests_of_every_verdict_a_guest_can_earn() -> None:
    verdicts = {path.name.partition("-")[0] for path in RECORDINGS}
    assert verdicts == {"pass", "fail", "panic", "hang", "crash", "infra"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_cut_recording_never_passes(path: Path, tmp_path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    for length in range(1, len(lines)):
        cut = tmp_path / "cut.jsonl"
        cut.write_text("".join(lines[:length]) + lines[length][: len(lines[length]) // 2])
        assert judge_recording(cut).judgement.verdict != "pass", length


def test_a_real_guests_events() -> None:
    seen = judge_recording(Path(__file__).parent / "data/guests/pass-fork_test.jsonl")
    events = [timed.event for timed in seen.events]
    assert Hello(1, "aarch64", 1, ("testing",)) in events
    ends = [event for event in events if isinstance(event, ProcessEnd)]
    assert ends[-1] == ProcessEnd(1, 0, 0, False, "/bin/fork_test")
    assert len(ends) > 5
    assert [event for event in events if isinstance(event, Shutdown)] == [Shutdown(0)]
    assert [timed.t for timed in seen.events] == sorted(timed.t for timed in seen.events)
    assert seen.guest_s is not None
    assert 0.1 < seen.guest_s < seen.wall_s


def test_a_silent_guest_is_stopped_once() -> None:
    stops: list[str] = []
    samples = [frames.sample(t, 0.01 * t, 0.0) for t in range(1, 9)]
    messages = frames.messages(frames.hello(), tail=[*samples, frames.exited(8.1, signal=9, asked=True)])
    seen = judged(spec(), PATTERNS, messages, lambda: stops.append("stop"))
    assert stops == ["stop"]
    assert seen.judgement.verdict == "hang"
    assert (seen.cpu_s, seen.run_delay_s) == (0.08, 0.0)


def test_panic_text_without_a_line_end_is_seen_at_the_end(tmp_path: Path) -> None:
    seen = run(spec(), frames.messages(b"", b"early\nKERNEL PANIC: x"), tmp_path)
    assert seen.judgement == Judgement(Verdict.PANIC, "KERNEL PANIC: x")
    assert any(isinstance(timed.event, SerialMatch) for timed in seen.events)


def test_a_record_cut_by_power_off_is_never_a_pass(tmp_path: Path) -> None:
    seen = run(spec(), frames.messages(frames.good_run() + frames.stage("x")[:-1]), tmp_path)
    assert seen.judgement.verdict == "fail"
    assert "cut off" in seen.judgement.cause


def test_forged_records_in_text_and_names_change_nothing(tmp_path: Path) -> None:
    program = b"/bin/evil\n" + frames.good_run()
    records = (
        frames.hello() + frames.start(1, 0, program) + frames.end(1, 0, 256, program) + frames.shutdown()
    )
    seen = run(spec(), frames.messages(records, frames.good_run() + b"PASS\nall tests passed\n"), tmp_path)
    assert seen.judgement.verdict == "fail"
    assert "PID 1 is" in seen.judgement.cause
    assert "\n" not in seen.judgement.cause


def test_an_endless_guest_is_kept_within_bounds(tmp_path: Path) -> None:
    forks = b"".join(frames.start(pid, 1, b"x") for pid in range(2, 30_000))
    records = frames.hello() + frames.start(1, 0, b"/bin/fork_test") + forks
    records += frames.end(1, 0, 0, b"/bin/fork_test") + frames.shutdown()
    seen = run(spec(), frames.messages(records), tmp_path)
    assert seen.judgement.verdict == "pass"
    assert len(seen.events) == 2 * guest.KEPT_EVENTS
    assert seen.guest_s == 0.0


def test_a_lane_that_breaks_is_not_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(LaneError):
        run(spec(), frames.messages(frames.good_run())[:-1], tmp_path)


@pytest.mark.parametrize(
    "text", ["", "not json\n", "{}\n", '{"spec": {"test": "x"}, "panic_patterns": []}\n']
)
def test_what_is_no_recording_is_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=r"x\.jsonl:1: this is not a recording"):
        judge_recording(path)


def test_the_command_judges_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    by_verdict = {path.name.partition("-")[0]: path for path in RECORDINGS}
    assert guest.main([str(by_verdict["pass"].with_name("pass-fork_test.jsonl"))]) == 0
    assert "pass: PID 1 (fork_test) ended with status 0" in capsys.readouterr().out
    assert guest.main([str(by_verdict["crash"])]) == 1
    assert guest.main(["/nowhere"]) == 3
    assert guest.main([]) == 3


def test_a_recording_says_what_was_run() -> None:
    machines = {path.stem for path in (Path(__file__).parents[1] / "machines").glob("*.yaml")}
    for path in RECORDINGS:
        header = json.loads(path.read_text().splitlines()[0])
        assert header["recording"] == guest.RECORDING_VERSION
        assert header["spec"]["machine"]["name"] in machines


def test_what_is_seen_while_somebody_looks_is_not_judged(tmp_path: Path) -> None:
    first, *rest = frames.messages(frames.good_run())
    late = [frames.sample(seconds, 0.1, 0.0) for seconds in (5.0, 11.0, 20.0)]
    looked = [Message("hold", 0.1, fields={"on": True}), *late, Message("hold", 20, fields={"on": False})]
    begun, later = rest[:2], [replace(message, t=message.t + 20) for message in rest[2:]]
    assert run(spec(), [first, *begun, *looked, *later], tmp_path).judgement.verdict is Verdict.PASS
    assert run(spec(), [first, *begun, *late, *later], tmp_path).judgement.verdict is Verdict.HANG


def test_an_emulator_that_its_lane_had_to_kill_is_a_remark(tmp_path: Path) -> None:
    *good, end = frames.messages(frames.good_run())
    killed = Message("exit", end.t + 10, fields={"asked": False, "overdue": True, "signal": 9})
    seen = run(spec(), [*good, killed], tmp_path)
    assert seen.judgement.verdict is Verdict.PASS
    assert "afterwards the emulator did not end when asked to" in seen.judgement.cause
    assert judge_recording(tmp_path / "recording.jsonl") == seen


def test_stops_and_goes_of_the_machine_are_none_of_the_guests(tmp_path: Path) -> None:
    first, *rest = frames.messages(frames.good_run())
    looks = [
        Message("hold", 0.1, fields={"on": True}),
        Message("qmp", 0.1, fields={"message": {"event": "STOP"}}),
        Message("memory", 0.1, b"some of it"),
        Message("qmp", 5.0, fields={"message": {"event": "RESUME"}}),
        Message("hold", 5.0, fields={"on": False}),
    ]
    later = [replace(message, t=message.t + 5) for message in rest]
    assert run(spec(), [first, *looks, *later], tmp_path).judgement.verdict is Verdict.PASS


class Watched(DockerLane):
    """A lane that only notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def hold(self) -> None:
        self.asked.append("hold")

    def release(self, *, extend_deadline: bool = False) -> None:
        self.asked.append("release for more time" if extend_deadline else "release")

    def qmp(self, execute: str, **_arguments: object) -> dict[str, object]:
        self.asked.append(execute)
        return {"return": {}}


def watched(
    messages: list[Message], *, bad_only: bool = True, found: Autopsy | None = None
) -> tuple[guest.GuestRun, list[str]]:
    """The guest judged, and what was done about it in which order; `found`: what every look finds."""
    lane = Watched()

    def look(_inspector: Inspector | None, state: State, _lines: object) -> Autopsy | None:
        lane.asked.append(f"look after {state.machine_end or state.hang}")
        return found

    observer = GuestObserver(lane, Hook(look, bad_only))
    return judged(spec(), PATTERNS, messages, lambda: lane.asked.append("stop"), observer), lane.asked


def test_a_guest_that_ends_well_is_let_go_before_its_end() -> None:
    messages = frames.messages(frames.good_run())
    shutdown = next(at for at, each in enumerate(messages) if each.kind == "channel")
    assert watched(messages)[1] == ["release"]
    assert watched(messages[: shutdown + 1])[1] == ["release"]
    assert watched(messages, bad_only=False)[1] == ["hold", "look after guest-shutdown", "release"]


def test_a_guest_that_dies_is_looked_at() -> None:
    assert watched(frames.messages(frames.hello()))[1] == ["hold", "look after guest-shutdown", "release"]
    panic = frames.messages(frames.good_run() + frames.panic("late"))
    seen, asked = watched(panic)
    assert seen.judgement.verdict is Verdict.PANIC
    assert asked[-3:] == ["hold", "look after guest-shutdown", "release"]


def test_what_a_guest_does_when_it_counts_as_hung_is_late() -> None:
    samples = [frames.sample(t, 0.01 * t, 0.0) for t in range(1, 5)]
    late = [
        Message("hold", 4.1, fields={"on": True}),
        Message("qmp", 4.2, fields={"message": {"event": "RESUME"}}),
        Message("channel", 4.3, frames.panic("late") + frames.shutdown()),
        Message("serial", 4.3, b"KERNEL PANIC: late\n"),
        frames.event(4.4, "SHUTDOWN", guest=True, reason="guest-shutdown"),
        Message("hold", 4.5, fields={"on": False}),
        frames.exited(4.6, signal=9, asked=True),
    ]
    seen, asked = watched(frames.messages(frames.hello(), tail=[*samples, *late]))
    assert seen.judgement.verdict is Verdict.HANG
    assert [what.partition(" ")[0] for what in asked] == ["hold", "look", "release", "stop"]


def looked_at(t: float, *, more_time: bool = False) -> list[Message]:
    """What a lane says of a guest that is held for half a second, in which it has started PID 1."""
    more = {"more_time": True} if more_time else {}
    return [
        Message("hold", t, fields={"on": True}),
        Message("channel", t + 0.1, frames.start(1, 0, b"/bin/fork_test")),
        Message("hold", t + 0.5, fields={"on": False, **more}),
    ]


def word(what: FailureKind) -> Autopsy:
    found = Findings("aarch64", hang="silent", hello=True, talks=False, panic=None, end=None)
    return Autopsy(found, Diagnosis(what, "it sleeps", what))


SILENT = [frames.sample(t, 0.01 * t, 0.0) for t in range(1, 5)]
AT_WORK = frames.messages(frames.hello(), tail=[*SILENT, *looked_at(4.0, more_time=True)])


def test_a_guest_at_work_has_more_time(tmp_path: Path) -> None:
    rest = Message("channel", 6.0, frames.end(1, 0, 0, b"/bin/fork_test") + frames.shutdown())
    messages = [*AT_WORK, rest, *frames.power_off(6.1)]
    seen, asked = watched(messages, found=word(FailureKind.SLOW))
    does = [what.partition(" after")[0] for what in asked]
    assert does == ["hold", "look", "cont", "release for more time", "release"]
    assert seen.judgement.verdict is Verdict.PASS
    assert "it was slow, and had more time than the suite gives it" in seen.judgement.cause
    assert seen.observation is None
    assert run(spec(), messages, tmp_path).judgement == seen.judgement  # nobody looks at a recording


def test_a_guest_at_work_has_more_time_once(tmp_path: Path) -> None:
    again = [frames.sample(t, 0.01 * t, 0.0) for t in range(5, 12)]
    messages = [*AT_WORK, *again, *looked_at(11.0), frames.exited(11.6, signal=9, asked=True)]
    seen, asked = watched(messages, found=word(FailureKind.SLOW))
    does = [what.partition(" after")[0] for what in asked]
    assert does == ["hold", "look", "cont", "release for more time", "hold", "look", "release", "stop"]
    assert seen.judgement.verdict is Verdict.HANG
    assert "silent for 6.5 s" in seen.judgement.cause and "deadline extended" in seen.judgement.cause
    assert seen.observation == word(FailureKind.SLOW)
    assert run(spec(), messages, tmp_path).judgement == seen.judgement


def test_a_guest_that_is_not_at_work_has_no_more_time() -> None:
    tail = [*SILENT, *looked_at(4.0), frames.exited(4.6, signal=9, asked=True)]
    seen, asked = watched(frames.messages(frames.hello(), tail=tail), found=word(FailureKind.LOST_WAKE_UP))
    assert [what.partition(" ")[0] for what in asked] == ["hold", "look", "release", "stop"]
    assert seen.judgement.verdict is Verdict.HANG
