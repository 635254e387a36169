"""Becomes another program that ends when its parent does, as another user if asked.

Executed by its file name (`python -I -S launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENTS…`) and not as a `preexec_fn`,
because forking a Python with threads is not safe. An empty UID keeps the user.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(parent: str, signal_number: str, uid: str, gid: str, *command: str) -> None:
    """Replaces this process by `command`; does not return."""
    if uid:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After setuid, which clears it; exec keeps it. The kernel ties it to the thread that forked: the main one.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its child began")
    os.execv(command[0], command)  # noqa: S606 - to become the program is the point


if __name__ == "__main__":
    main(*sys.argv[1:])
