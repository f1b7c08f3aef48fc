"""The comparison of all architectures, on up-to-date results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.compare import coverage, parity_document, parity_report
from parity.compare.coverage import Document
from parity.compare.parity_document import ParityReport
from parity.compare.parity_report import ArchBuild
from parity.core import host, lock
from parity.core.errors import BuildError, UserError
from parity.core.row import Row
from parity.report import arch_diff, markdown, marked, table
from parity.run.evidence_runner import now
from tasks import report, suite
from tasks.session import Session, current, task, tell

DOCUMENT = Path("suites", "document.yaml")
README = "parity:readme"
PAGE = Path("docs", "parity.md")


def task_parity() -> Iterator[Any]:
    """Run the suite on every architecture, and say how they stand to each other"""
    session = current()
    document = coverage.load(session.space.root / DOCUMENT)
    if session.names("parity") and session.archs != session.tree.archs:
        raise UserError("parity is between all architectures: leave arch= out")
    # No dependency on test_<architecture>: a surprise there must not suppress the comparison.
    outputs, setup = ("report/parity.json", "report/parity.md"), suite.SUITE_TASKS.setup(session)
    doc = str(task_parity.__doc__)
    yield task("parity", doc, parity, document, setup=setup, outputs=outputs)
    doc = "Write the same into docs/parity.md"
    yield task(README, doc, readme, document, setup=setup)


def parity(document: Document) -> bool:
    """Shows the comparison of all architectures; whether all is as expected.

    Raises:
        BuildError: an architecture does not build. The results of the others are shown nevertheless.
    """
    session = current()
    if session.settings.plan:
        return suite.SUITE_TASKS.plan_all(session)
    found, rows = _found(session)
    _show(session, _report(session, document, found, rows), document, rows)
    if unbuilt := [arch for arch, built in found.items() if built is None]:
        raise BuildError(f"{', '.join(unbuilt)} does not build: nothing of it can be compared")
    return report.as_expected(session, rows, suite.SUITE_TASKS.asked(session, rows))


def readme(document: Document) -> bool:
    """Writes rates, matrix and tests between the two marks of docs/parity.md; whether all is as expected.

    Raises:
        UserError: the page lacks the marks.
    """
    session = current()
    if session.settings.plan:
        return suite.SUITE_TASKS.plan_all(session)
    found, rows = _found(session)
    stand = _report(session, document, found, rows)
    parts = (
        markdown.summary(rows),
        arch_diff.matrix(stand).markdown(),
        f"Document: {document.source}.",
        arch_diff.tests(stand).markdown(),
    )
    marked.write(session.space.root / PAGE, README, parts)
    return report.as_expected(session, rows, suite.SUITE_TASKS.asked(session, rows))


def _found(session: Session) -> tuple[dict[str, ArchBuild | None], list[Row]]:
    """Each architecture, and all rows. None for an architecture that does not build; prints its error."""
    found: dict[str, ArchBuild | None] = {}
    for arch in session.tree.archs:
        try:
            suite.SUITE_TASKS.rows(session, arch)
            found[arch] = parity_report.build_arch(session.space, session.tree, arch)
        except BuildError as error:
            tell(error)
            found[arch] = None
    return found, [row for arch in found if found[arch] for row in suite.SUITE_TASKS.rows(session, arch)]


def _report(
    session: Session, document: Document, found: Mapping[str, ArchBuild | None], rows: Sequence[Row]
) -> ParityReport:
    return parity_report.report(
        session.evidence_runner(),
        session.tree,
        session.suite,
        document,
        found,
        rows,
        _tasks(session),
        session.decisions,
    )


def _tasks(session: Session) -> dict[str, list[str]]:
    """By architecture: the tasks that run its guests, without the architecture's name."""
    names: dict[str, list[str]] = {arch: [] for arch in session.tree.archs}
    for new in session.accumulated.tasks:
        for arch in (new.meta or {}).get("guests", ()) if ":" not in new.name else ():
            names[arch].append(new.name.removesuffix(f"_{arch}"))
    return names


def _show(session: Session, found: ParityReport, document: Document, rows: list[Row]) -> None:
    """Prints the report, writes its files, and prints the changes since the last report."""
    print_ = session.screen.console.print
    for grid, lines in (
        (arch_diff.tests(found), arch_diff.summary(found)),
        (arch_diff.matrix(found), [f"document: {document.source}"]),
        (arch_diff.environment(found), arch_diff.equal(found)),
    ):
        print_(grid.terminal())
        for line in lines:
            session.screen.note(line)
        session.screen.note("")
    notes = [*table.summary(rows), *report.remarks(session, rows)]
    for note in (*map(str, session.decisions), *notes):
        session.screen.note(note)
    folder = session.space.build / "report"
    new = parity_document.document(found, session.tree.name, now())
    with lock.held(folder / ".lock"):
        before = parity_document.parse(folder / "parity.json")
        for name, text in (
            ("parity.json", json.dumps(new, indent=1) + "\n"),
            ("parity.md", arch_diff.render(found, document.source, notes)),
        ):
            host.write_whole(folder / name, text.encode(), session.space.build)
    for line in parity_document.differences(before, new) if before else ():
        session.screen.note(f"moved since the last time: {line}", "yellow")
    session.screen.note(f"report: {folder.relative_to(session.space.root)}/parity.md, parity.json", "dim")
