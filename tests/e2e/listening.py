"""Stands between a lane and its emulator: passes QMP on, and says at the end how many commands to quit came.

Runs inside a lane in the emulator's place, with the emulator's command line as arguments.
"""

import contextlib
import os
import select
import signal
import socket
import sys

QMP = 12
QUIT = b'"quit"'
SAYS = "commands to quit: "


def main(argv: list[str]) -> int:
    ours, theirs = socket.socketpair()
    above = os.dup(QMP)  # the lane's end, until the emulator has its own there
    os.dup2(theirs.fileno(), QMP, inheritable=True)
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    theirs.close()
    os.close(QMP)
    lane, emulator = above, ours.fileno()
    said, readers = b"", [lane, emulator]
    while emulator in readers:
        for descriptor in select.select(readers, [], [])[0]:
            try:
                data = os.read(descriptor, 65536)
            except ConnectionResetError:
                data = b""
            if not data:
                readers.remove(descriptor)
            elif descriptor == lane:
                said += data
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                os.write(emulator if descriptor == lane else lane, data)
    if lane in select.select([lane], [], [], 0)[0]:  # said to an emulator that was about to go
        said += os.read(lane, 65536)
    sys.stderr.write(f"{SAYS}{said.count(QUIT)}\n")
    sys.stderr.flush()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
