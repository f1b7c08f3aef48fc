"""Kernel threads under stress: many guests, a seed each; one of them again; a kernel that must fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from parity.build import disk
from parity.core.errors import InfraError, MachineError, UserError
from parity.core.row import Row
from parity.judge.state import RunKind
from parity.judge.verdict import Verdict
from parity.report import stressed
from parity.results.evidence import Evidence
from parity.run import stress, suite_run
from parity.run.run_log import RunLog
from parity.run.stress import Run
from parity.selftest import planted_faults
from parity.spec.baseline import NOT_SEEN
from parity.spec.machine import RunSpec
from tasks import kernel, suite
from tasks.boot import counts
from tasks.session import Session, current, task

GUESTS, MUTANTS = 20, 5
FEATURES, MUTANT_FEATURES = "kthread_stress_test", "kthread_mutant"
OUTPUTS = ("report/kthread.jsonl", "logs/*/kthread-*.log")
REPLAY = "kthread_replay"
# A thousand ticks a second make a guest last about one. Nothing is there to be PID 1: a kernel that does not
# run its own tests cannot pass instead with a program's.
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
            run = stress.find(_runs(session).runs(), name)  # a mistake is told before anything runs
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
    """Runs `count` guests on every architecture, whatever is known; whether all passed.

    Raises:
        InfraError: a guest could not be judged for lack of machinery.
    """
    session = current()
    root = _root(session, f"kthread_parallel:{count}")
    likes = [_guest(session, arch, FEATURES) for arch in session.archs]
    runs = _run(session, [each for like in likes for each in stress.specs(like, root, count)], FEATURES)
    for arch in session.archs:
        found = [run for run in runs if run.arch == arch]
        session.screen.console.print(stressed.render(found))
        _tell(session, arch, found)
    return _all_passed(runs)


def which() -> None:
    """Says that an id is missing, and which there are; raises UserError."""
    known = ", ".join(run.id for run in _runs(current()).runs()[-10:]) or "none; run: doit kthread_parallel"
    raise UserError(f"{REPLAY}:<id> expected", f"last ids: {known}")


def replay(run: Run) -> bool:
    """Runs one guest again; whether it passes, as every guest should.

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
    """Runs guests whose kernel loses wake-ups, and as many where it does not; whether only those fail.

    Raises:
        UserError: the tree has no such fault.
        InfraError: a guest could not be judged for lack of machinery.
    """
    session = current()
    if not session.tree.thread_faults:
        raise UserError("the tree's kernel.thread_faults has no fault: there is nothing to find")
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
        _tell(session, f"{arch} without a fault", of_arch)
        good &= _all_passed(of_arch)
    for (arch, fault), seeded in lossy.items():
        names = {stress.identity(spec) for _, spec in seeded}
        mutant = [run for run in badly if run.id in names]
        _tell(session, f"{arch} with {fault}", mutant)
        found = not _all_passed(mutant)  # what lost its machinery is no find: it raises
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
    """Runs the guests over the lanes; in the order of their seeds, each kept for a replay as it ends.

    Of `faulty` kernels a failure is as good as a pass: only that none failed is a surprise.
    """
    if not seeded:
        return []
    runner, log = suite.runner(session), _runs(session)
    log.trim()
    if others := len(log.unread()):
        session.screen.note(f"{others} runs noted by another version, or cut, are passed over", "yellow")
    seeds = {stress.identity(spec): seed for seed, spec in seeded}
    done: dict[str, Run] = {}
    with session.screen.tests(len(seeded)) as view:

        def on_done(spec: RunSpec, seen: Evidence) -> None:
            name = stress.identity(spec)
            run = _seen(name, seeds[name], features, spec, seen, runner.log(seen) or "")
            log.add(run)
            done[name] = run
            judged = faulty and run.verdict != Verdict.INFRA
            view.finished(_row(run, run.verdict if judged else Verdict.PASS))

        runner.run([spec for _, spec in seeded], lanes=session.settings.lanes, on_done=on_done)
    return [done[name] for name in seeds]


def _seen(name: str, seed: int, features: str, spec: RunSpec, seen: Evidence, log: str) -> Run:
    return Run(
        id=name,
        seed=seed,
        arch=spec.arch,
        features=features,
        kernel=spec.kernel,
        disk=spec.disk,
        command_line=spec.cmdline,
        verdict=seen.verdict,
        cause=seen.cause,
        guest_s=seen.guest_s,
        wall_s=seen.wall_s,
        log=log,
        when=seen.when,
        sentence=seen.sentence,
        failure_signature=seen.failure_signature,
    )


def _row(run: Run, expected: str) -> Row:
    return Row(
        name=run.id,
        arch=run.arch,
        area="kthread",
        verdict=run.verdict,
        expected=str(expected),
        reason=None,
        cause=run.cause,
        guest_s=run.guest_s,
        wall_s=run.wall_s,
        log=run.log,
        sentence=run.sentence,
        failure_signature=run.failure_signature,
    )


def _tell(session: Session, what: str, runs: Sequence[Run]) -> None:
    for line in stress.summary(runs):
        session.screen.note(f"{what}: {line}")


def _all_passed(runs: Sequence[Run]) -> bool:
    lost = [run for run in runs if run.verdict in NOT_SEEN]
    if not runs:
        raise InfraError("nothing has run")
    if lost:
        raise InfraError(f"kthread {lost[0].id} on {lost[0].arch}: {lost[0].cause}")
    return all(run.passed for run in runs)


def _runs(session: Session) -> RunLog:
    return RunLog(session.space.build / "report" / "kthread.jsonl")
