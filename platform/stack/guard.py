"""Ends the children's process groups when the supervisor is killed: `python -I -S guard.py < pipe`.

The kernel's parent-death signal reaches the children only, not what they started, and exists on Linux
alone. This small process reads lines `+GROUP` and `-GROUP` from a pipe that only the supervisor holds
open; when the pipe ends, it kills the groups still listed.
"""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Follow the list of groups, and end what is on it at the end."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
