"""The running service's processes, for those who must hold one of them still."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

# By their names in the Procfile; empty while no test has asked for the service.
PROCESSES: dict[str, "subprocess.Popen[bytes]"] = {}


@contextmanager
def bulk_work_held() -> Iterator[None]:
    """Nothing is swept or worked off meanwhile: a test that plays the worker wants no other at its rows."""
    held = [PROCESSES[name] for name in ("beat", "bulk") if name in PROCESSES]
    for process in held:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in held:
            process.send_signal(signal.SIGCONT)
