"""Results on the screen and in files, compared with the suite and the committed baseline."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from parity.core import host, lock
from parity.core.errors import InfraError, UserError
from parity.core.row import Row
from parity.judge.verdict import Verdict
from parity.report import github, junit, markdown, table
from parity.results import matrix, results_json
from parity.run.evidence_runner import now
from parity.spec import baseline
from parity.spec.baseline import Changes
from tasks.session import BASELINE, Session, current, task

RESULTS, INTEGRATION = "results.json", "integration.json"  # the rows of each suite
SUITES = {"test": RESULTS, "integration": INTEGRATION}  # by the prefix of its tasks
NOTHING = frozenset({Verdict.NOT_RUN, Verdict.MISSING})  # verdicts without a run


def task_report() -> Iterator[Any]:
    """Show the last results again, and where their files are"""
    outputs = [f"report/{name}" for name in (RESULTS, INTEGRATION, "junit.xml", "report.md")]
    yield task("report", str(task_report.__doc__), last, outputs=outputs)


def task_baseline() -> Any:
    """Make the last results the committed baseline that every run is compared with"""
    return task("baseline", str(task_baseline.__doc__), rebase)


def last() -> bool:
    """Shows the rows of the last run, and writes the files again.

    Raises:
        UserError: nothing has run in this checkout.
        InfraError: no test has a result for the current inputs, or the judge could not judge one.
    """
    session = current()
    _last(session)
    good = True
    for file, title in ((RESULTS, "programs:"), (INTEGRATION, "inside the kernel:")):
        rows = update(session, partial(earlier, session, file), file)
        if rows:
            session.screen.note(title)
            show(rows)
            good &= as_expected(session, rows, [row for row in rows if row.verdict not in NOTHING])
    return good


def rebase() -> None:
    """Writes the baseline from the last results; raises as `last`."""
    session = current()
    place = session.space.root / BASELINE
    text = baseline.render(_last(session), session.baseline)
    place.write_text(text, encoding="utf-8")
    session.screen.note(f"{place.relative_to(session.space.root)}: {text.count(chr(10)) - 1} verdicts")


def _last(session: Session) -> list[Row]:
    rows = [row for file in (RESULTS, INTEGRATION) for row in earlier(session, file)]
    if not rows:
        raise UserError("nothing has run in this checkout yet", hint=f"run: doit test_{session.archs[0]}")
    return rows


def earlier(session: Session, file: str = RESULTS) -> list[Row]:
    """The rows of the last run of a suite; none when nothing has run."""
    return results_json.parse(session.space.build / "report" / file)


def update(session: Session, known: Callable[[], list[Row]], file: str = RESULTS) -> list[Row]:
    """Writes the reports: the rows of `known`, and the earlier rows of other architectures.

    `known` is called under the lock of the reports, so that its rows include the results of other commands in
    this checkout.
    """
    folder = session.space.build / "report"
    folder.mkdir(parents=True, exist_ok=True)
    with lock.held(folder / ".lock"):
        rows = known()
        whole = matrix.merged(earlier(session, file), rows)
        suites = {name: whole if name == file else earlier(session, name) for name in (RESULTS, INTEGRATION)}
        for name, text in (
            (file, results_json.render(whole, session.tree.name, now(), session.screen.stages)),
            ("junit.xml", junit.render([row for some in suites.values() for row in some])),
            ("report.md", markdown.render(suites[RESULTS], inside=suites[INTEGRATION])),
        ):
            host.write_whole(folder / name, text.encode(), session.space.build)
    archs = {row.arch for row in rows}
    return [row for row in whole if row.arch in archs]


def show_some(rows: list[Row]) -> None:
    """Prints the table of some rows, and remarks on them."""
    session = current()
    session.screen.console.print(table.render(rows))
    for line in remarks(session, rows):
        session.screen.note(line)


def remarks(session: Session, rows: list[Row]) -> list[str]:
    """The differences from the baseline, and the quarantined tests."""
    quarantined = [f"{row.name} on {row.arch}: {row.quarantine}" for row in rows if row.quarantine]
    return [f"against the baseline: {line}" for line in _changes(session, rows).lines()] + quarantined


def show(rows: list[Row]) -> None:
    """Prints the table of a suite, the pass rate over all tests, and the differences from the baseline.

    Tests without a program are in the summary only.
    """
    session = current()
    show_some([row for row in rows if row.verdict != Verdict.MISSING or row.surprise])
    changes = _changes(session, rows)
    for line in table.summary(rows):
        session.screen.note(line)
    place = (session.space.build / "report").relative_to(session.space.root)
    session.screen.note(f"report: {place}/, {session.screen.age_s:.1f} s after the command began", "dim")
    for line in _for_github(rows, changes):
        print(line)


def _for_github(rows: list[Row], changes: Changes) -> Iterator[str]:
    """Annotations, and the job's summary if GitHub asks for one."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        yield from github.annotate(rows, changes)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(markdown.render(rows, changes))


def as_expected(session: Session, rows: list[Row], asked: Sequence[Row] | None = None) -> bool:
    """Whether no row differs from the suite or from the baseline; quarantined rows may differ.

    `asked`: the rows of the tests that the command selects (None: all).

    Raises:
        InfraError: there is no such row, or one of them did not run or could not be judged because a lane
            failed. The test is not to blame.
    """
    judged(rows if asked is None else asked)
    counted = [row for row in rows if not row.excused]
    return not any(row.gates for row in counted) and not _changes(session, counted)


def judged(rows: Sequence[Row]) -> None:
    """Raises InfraError as `as_expected` does if there is a row without a judgement."""
    if not rows:
        raise InfraError("nothing has run")
    for row in rows:
        if row.verdict in baseline.INCONCLUSIVE:
            raise InfraError(f"{row.name} on {row.arch}: {row.cause}")


def _changes(session: Session, rows: list[Row]) -> Changes:
    """The differences from the baseline among the tests of both suites; none without a baseline."""
    if session.baseline is None:
        return Changes()
    return baseline.compare(session.baseline, [row for row in rows if row.name in session.tests])
