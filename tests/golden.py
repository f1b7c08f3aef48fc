"""The rows and results that the golden files show: one of each kind that a report tells apart."""

from __future__ import annotations

from dataclasses import replace

from parity.core.row import Row

PASS = Row(
    name="fork_test",
    arch="aarch64",
    area="process",
    verdict="pass",
    expected="pass",
    reason=None,
    cause="PID 1 (fork_test) ended with status 0",
    guest_s=0.125,
    wall_s=0.5,
    kernel="a" * 64,
    disk="b" * 64,
    emulator="10.0.2",
    host="2 cores",
    log="build/logs/aarch64/fork_test.log",
    when="2026-01-02T00:00:00+00:00",
    features="testing",
)
# The cause has what tables, XML and workflow commands must escape.
FAIL = replace(
    PASS, name="pipe_test", area="pipe", verdict="fail", cause="50 % | a\x07\n::error::<b>", when="2026-01-03"
)
HANG = replace(
    PASS,
    name="dup_test",
    area="file",
    verdict="hang",
    cause="silent for 3 s",
    failure_kind="deadlock",
    sentence="thread 1 (init) waits for thread 2",
    failure_signature="deadlock: init",
)
MISSING = Row(
    "fifo_test",
    "aarch64",
    "pipe",
    "missing",
    "missing",
    "FIFOs are not in the kernel",
    "there is no program",
    priority=2,
)
INFRA = replace(PASS, name="seek_test", area="file", verdict="infra", cause="the emulator was killed")
QUARANTINED = replace(
    HANG, name="tty_test", quarantine="quarantine until 2027-01-01, issue 7: why", excused=True
)
NOT_RUN = replace(PASS, name="cat_test", verdict="not_run", last="hang", guest_s=None, wall_s=None, when=None)
OTHER = replace(PASS, arch="x86_64", verdict="crash", expected="crash", cause="guest-reset")
ROWS = [PASS, FAIL, HANG, MISSING, INFRA, QUARANTINED, NOT_RUN, OTHER]
