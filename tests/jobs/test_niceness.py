"""A nice worker beside workers of other sessions: the kernel's own answer, of real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")
# Some kernels have the file and nothing in it.
needs_autogroups = pytest.mark.skipif(
    not AUTOGROUP.exists() or not AUTOGROUP.read_text().strip(), reason="this kernel has no autogroups"
)
CODE = """
import os, pathlib
from jobs.niceness import renice_session
renice_session()
print(os.getpriority(os.PRIO_PROCESS, 0), pathlib.Path("/proc/self/autogroup").read_text().split()[-1])
"""


def run_reniced(*, new_session: bool) -> list[str]:
    """The niceness of a process at nice 7, and that of its session, after `renice_session`."""
    argv = ["nice", "-n", "7", sys.executable, "-c", CODE]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True, start_new_session=new_session)
    return ended.stdout.split()


@needs_autogroups
def test_session_of_a_nice_worker_is_as_nice_as_the_worker() -> None:
    assert run_reniced(new_session=True) == ["7", "7"]


@needs_autogroups
def test_session_that_others_share_is_left_alone() -> None:
    before = AUTOGROUP.read_text().split()[-1]
    assert run_reniced(new_session=False) == ["7", before]
