"""What a decoding process gives up before it touches a stranger's file."""

import os
import resource
import signal
from pathlib import Path

_MIB = 2**20


def confine_process(*, memory_mib: int) -> None:
    """Take from this process all that decoding does not need; there is no way back.

    memory_mib: what it may take beside what it has now. No file is opened or written from here on, no core is
    left, and when the machine runs out of memory, this process is the one to go.
    """
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Sent to the whole group: the parent finishes its pictures first, and closes the socket then.
        signal.signal(sign, signal.SIG_IGN)
    Path("/proc/self/oom_score_adj").write_text("900")
    taken = _count_address_space()
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, taken + memory_mib * _MIB),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _count_address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGESIZE")
