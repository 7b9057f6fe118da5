"""Become PostgreSQL as a child that ends with its parent; run as a script, with the standard library only.

    python -I -S postgres_launcher.py PARENT USER:GROUP DIRECTORY PROGRAM [ARGUMENT ...]

``USER:GROUP`` are numbers, or ``-`` to stay who we are. The steps and their order are the point:

1. give up the other user's groups, group and user (setuid clears a parent-death signal that is already set),
2. ask for SIGINT, PostgreSQL's fast shutdown, when the parent dies (it survives exec),
3. look whether the parent died before step 2, for then no signal comes,
4. exec.

Where the kernel has no parent-death signal (macOS), a small process waits for the end of standard input instead, whose
other end only the parent holds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Do the four steps; return only by an exception."""
    parent, user, directory, *command = arguments
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None, use_errno=True).prctl  # loaded while we may still read the interpreter's files
    if user != "-":
        change_user(*map(int, user.split(":")))
    os.umask(0o077)
    os.chdir(directory)
    if sys.platform == "linux":
        if prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    else:
        watch_standard_input()
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606  (no shell is the point)


def change_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def watch_standard_input() -> None:
    """Fork a child that stops us with SIGINT once standard input ends, unless we have ended before."""
    server = os.getpid()
    if os.fork() != 0:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    if os.getppid() == server:
        os.kill(server, signal.SIGINT)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
