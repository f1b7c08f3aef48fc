"""Stress tests of kernel threads: many guests with a seed each, the replay of one, and faulty kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parity.build import disk
from parity.core.errors import InfraError, MachineError, UserError
from parity.judge.state import RunKind
from parity.judge.verdict import Verdict
from parity.report import stressed
from parity.results import matrix
from parity.results.evidence import Evidence
from parity.run import stress, suite_run
from parity.run.run_log import RunLog
from parity.run.stress import Run
from parity.selftest import planted_faults
from parity.spec.baseline import INCONCLUSIVE
from parity.spec.machine import RunSpec
from parity.spec.suite import Test
from tasks import kernel
from tasks.boot import counts
from tasks.session import Session, current, task

GUESTS, MUTANTS = 20, 5
FEATURES, MUTANT_FEATURES = "kthread_stress_test", "kthread_mutant"
OUTPUTS = ("report/kthread.jsonl", "logs/*/kthread-*.log")
REPLAY = "kthread_replay"
# At 1000 ticks a second a guest takes about a second. PID 1 has no program: a kernel that does not run its
# own tests cannot pass with a program instead.
COMMAND_LINE = "init=/no/program tick_hz=1000"


def task_kthread_parallel() -> Iterator[Any]:
    """Stress kernel threads in 20 guests (or :N), a fresh seed each"""
    session = current()
    name, after = "kthread_parallel", _needs(session, FEATURES)
    yield task(
        name,
        str(task_kthread_parallel.__doc__),
        parallel,
        GUESTS,
        after=after,
        outputs=OUTPUTS,
        guests=session.archs,
    )
    for count in counts(session, name):
        doc = f"Stress kernel threads in {count} guests"
        yield task(f"{name}:{count}", doc, parallel, count, after=after, outputs=OUTPUTS)


def task_kthread_replay() -> Iterator[Any]:
    """Run one guest of kthread_parallel again, with its kernel and seed: kthread_replay:<id>"""
    session = current()
    yield task(REPLAY, str(task_kthread_replay.__doc__), which, guests=session.archs)
    for word in dict.fromkeys(session.selected):
        base, colon, name = word.partition(":")
        if base == REPLAY and colon:
            run = stress.find(_runs(session).runs(), name)  # reports a mistake before anything runs
            yield task(word, f"seed {run.seed} on {run.arch} again", replay, run, after=["images:qemu"])


def task_kthread_mutants() -> Any:
    """Lose wake-ups in the kernel on purpose; the stress test must find it"""
    after = _needs(current(), MUTANT_FEATURES)
    return task(
        "kthread_mutants",
        str(task_kthread_mutants.__doc__),
        mutants,
        after=after,
        guests=current().archs,
    )


def _needs(session: Session, features: str) -> list[str]:
    return [need for arch in session.archs for need in (kernel.name(arch, features), f"disk:{arch}")]


def parallel(count: int) -> bool:
    """Runs `count` guests on every architecture, without a cache; whether all passed.

    Raises:
        InfraError: the judge could not judge a guest, because a lane failed.
    """
    session = current()
    root = _root(session, f"kthread_parallel:{count}")
    likes = [_guest(session, arch, FEATURES) for arch in session.archs]
    runs = _run(session, [each for like in likes for each in stress.specs(like, root, count)], FEATURES)
    for arch in session.archs:
        found = [run for run in runs if run.arch == arch]
        session.screen.console.print(stressed.render(found))
        _note_summary(session, arch, found)
    return _all_passed(runs)


def which() -> None:
    """Raises UserError: the command names no id; the hint lists the last ids."""
    known = ", ".join(run.id for run in _runs(current()).runs()[-10:]) or "none; run: doit kthread_parallel"
    raise UserError(f"{REPLAY}:<id> expected", f"last ids: {known}")


def replay(run: Run) -> bool:
    """Runs one guest again; whether it passes.

    Raises:
        MachineError: its kernel or disk is no longer in the store.
    """
    session = current()
    if not all(session.space.store.intact(digest) for digest in (run.kernel, run.disk or run.kernel)):
        raise MachineError(
            f"the kernel or disk of run {run.id} is no longer in the store",
            hint=f"build it again from its sources, and: doit {REPLAY}:{run.id}",
        )
    machine = suite_run.profile(session.space, session.tree, run.arch)
    spec = RunSpec("kthread", run.arch, run.kernel, run.disk, machine, run.command_line, kind=RunKind.TESTS)
    (again,) = _run(session, [(run.seed, spec)], run.features)
    session.screen.console.print(stressed.render([run, again]))
    session.screen.note(f"{stress.compared(run, again)} ({run.verdict} before)")
    return _all_passed([again])


def mutants() -> bool:
    """Runs guests whose kernel loses wake-ups, and as many without the fault; whether only the former fail.

    Raises:
        UserError: the tree has no such fault.
        InfraError: the judge could not judge a guest, because a lane failed.
    """
    session = current()
    if not session.tree.thread_faults:
        raise UserError("the tree's kernel.thread_faults is empty: there is no fault to find")
    root, good = _root(session, "kthread_mutants"), True
    likes = [_guest(session, arch, MUTANT_FEATURES) for arch in session.archs]
    control = [each for like in likes for each in stress.specs(like, root, MUTANTS)]
    lossy = {
        (like.arch, fault): stress.specs(planted_faults.spec(like, fault), root, MUTANTS)
        for like in likes
        for fault in session.tree.thread_faults
    }
    well = _run(session, control, MUTANT_FEATURES)
    badly = _run(session, [each for of in lossy.values() for each in of], MUTANT_FEATURES, faulty=True)
    for arch in session.archs:
        of_arch = [run for run in well if run.arch == arch]
        _note_summary(session, f"{arch} without a fault", of_arch)
        good &= _all_passed(of_arch)
    for (arch, fault), seeded in lossy.items():
        names = {stress.identity(spec) for _, spec in seeded}
        mutant = [run for run in badly if run.id in names]
        _note_summary(session, f"{arch} with {fault}", mutant)
        found = not _all_passed(mutant)  # raises if a lane failed: that finds no fault
        session.screen.note(f"{arch}: {fault} is {'found' if found else 'not found'}", "" if found else "red")
        good &= found
    return good


def _root(session: Session, name: str) -> int:
    given = session.settings.seed
    root = stress.fresh_root() if given is None else given
    session.screen.note(f"root seed {root} (the same seeds again: doit seed={root} {name})")
    return root


def _guest(session: Session, arch: str, features: str) -> RunSpec:
    outputs = suite_run.built(session.space, session.tree, arch, features)
    image = disk.whole(session.space, session.tree, arch, outputs.programs)
    return RunSpec("kthread", arch, outputs.kernel, image, outputs.machine, COMMAND_LINE, kind=RunKind.TESTS)


def _run(
    session: Session, seeded: Sequence[tuple[int, RunSpec]], features: str, *, faulty: bool = False
) -> list[Run]:
    """Runs the guests over the lanes and logs each for a replay as it ends; the runs are in the seeds' order.

    `faulty`: the kernels have a fault; then neither a failure nor a pass is shown as a surprise.
    """
    if not seeded:
        return []
    runner, log = session.evidence_runner(), _runs(session)
    log.trim()
    if others := len(log.unread()):
        session.screen.note(f"skipped {others} unreadable runs, damaged or of another version", "yellow")
    seeds = {stress.identity(spec): seed for seed, spec in seeded}
    done: dict[str, Run] = {}
    with session.screen.tests(len(seeded)) as view:

        def on_done(spec: RunSpec, seen: Evidence) -> None:
            name, place = stress.identity(spec), runner.log(seen)
            done[name] = Run(
                id=name,
                seed=seeds[name],
                features=features,
                command_line=spec.cmdline,
                log=place or "",
                **matrix.shared(seen, Run),
            )
            log.add(done[name])
            verdict = Verdict(seen.verdict)
            expected = verdict if faulty and verdict is not Verdict.INFRA else Verdict.PASS
            test = Test(name, "kthread", {spec.arch: expected}, None)
            view.finished(matrix.row(test, spec.arch, features, seen, built=True, log=place))

        runner.run([spec for _, spec in seeded], lanes=session.settings.lanes, on_done=on_done)
    return [done[name] for name in seeds]


def _note_summary(session: Session, what: str, runs: Sequence[Run]) -> None:
    for line in stress.summary(runs):
        session.screen.note(f"{what}: {line}")


def _all_passed(runs: Sequence[Run]) -> bool:
    lost = [run for run in runs if run.verdict in INCONCLUSIVE]
    if not runs:
        raise InfraError("nothing has run")
    if lost:
        raise InfraError(f"kthread {lost[0].id} on {lost[0].arch}: {lost[0].cause}")
    return all(run.passed for run in runs)


def _runs(session: Session) -> RunLog:
    return RunLog(session.space.build / "report" / "kthread.jsonl")
