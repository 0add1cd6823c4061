"""How much of the processor a process asks for beside others, where `nice` alone does not say it."""

import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)


def renice_session() -> None:
    """Where the kernel shares the processor by session (autogroups, sched(7)), make this process's as nice as
    the process is: within a session of its own `nice` would count for nothing.

    Only for the first process of a session; one that shares it with others leaves it as it is.
    """
    autogroup = Path("/proc/self/autogroup")
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness <= 0 or os.getsid(0) != os.getpid() or not autogroup.exists():
        return
    try:
        autogroup.write_text(str(niceness))
    except OSError as error:
        _log.warning("the session keeps its share of the processor: %s", error)
