"""One child process: how it is started, and how nothing of it is left."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from stack.directory import ProcessMark
from stack.journal import Journal
from stack.loopback import LoopbackGate

LAUNCHER = Path(__file__).with_name("launch.py")
KILL_GRACE = 10.0
PUMP_GRACE = 2.0


@dataclass(frozen=True)
class Account:
    """An account of the machine, by number."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run. `account`: run as another account; `loopback`: keep its listeners on 127.0.0.1."""

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    account: Account | None = None
    loopback: bool = False


class Program(Protocol):
    """Something the supervisor keeps running."""

    name: str
    stop_signal: signal.Signals
    stop_grace: float  # seconds between the stop signal and SIGKILL
    ready_timeout: float  # seconds

    def prepare(self, *, fresh_ports: bool) -> Command:
        """Make what the program needs on disk, and say how to run it."""

    def is_ready(self) -> bool:
        """Whether it answers; False for not yet."""

    def settle(self) -> None:
        """What is to be done once it answers, before anybody else uses it. Must be repeatable."""

    def note(self, child: "Child") -> None:
        """Learn from the started child."""


def launcher_argv(command: Command, gate: LoopbackGate | None) -> list[str]:
    """The command line of launch.py for a command."""
    options = {
        "parent": os.getpid(),
        "account": [command.account.uid, command.account.gid] if command.account else None,
        "gate": gate.pass_fd if gate else None,
    }
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(options), *command.argv]


class Child:
    """A started command in a session of its own.

    The thread that makes a Child must live as long as it: the kernel sends the parent-death signal when
    the *thread* that forked ends.
    """

    def __init__(self, name: str, command: Command, journal: Journal) -> None:
        gate = LoopbackGate() if command.loopback else None
        self._process = subprocess.Popen(
            launcher_argv(command, gate),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[gate.pass_fd] if gate else [],
            start_new_session=True,
        )
        self.pid = self._process.pid
        self.mark = ProcessMark.of(name, self.pid)
        if self._process.stdout is None:
            raise AssertionError("the child was started with a pipe")
        self._pump = threading.Thread(target=journal.pump, args=(self._process.stdout,), daemon=True)
        self._pump.start()
        self.loopback_refusal = None if gate is None or gate.open() else gate.refusal

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit status (negative for a signal), None if it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, sign: signal.Signals, grace: float) -> None:
        """Ask it to end, insist after `grace` seconds, and end what it left behind in its group."""
        offspring = find_offspring(self.pid)
        self._process.send_signal(sign)
        if self.wait(grace) is None:
            self._process.kill()
            self.wait(KILL_GRACE)
        self.sweep(offspring)

    def close(self) -> None:
        """Wait until its last lines have been read; an escaped writer may hold the pipe, so not for ever."""
        self._pump.join(PUMP_GRACE)

    def sweep(self, offspring: list[psutil.Process] | None = None) -> None:
        """Kill what is left of the group of a child that has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for process in offspring or ():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.close()


def find_offspring(pid: int) -> list[psutil.Process]:
    """All descendants of a process, also those that left its group."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def end_leftover(mark: ProcessMark, grace: float) -> bool:
    """End a process that an earlier supervisor left, with its descendants; False if it was gone."""
    process = mark.find()
    if process is None:
        return False
    family = [process, *find_offspring(process.pid)]
    process.terminate()
    with suppress(psutil.TimeoutExpired):
        process.wait(grace)
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=KILL_GRACE)
    return True
