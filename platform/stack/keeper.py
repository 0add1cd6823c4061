"""Keeps one program running: starts it, waits until it answers, starts it again when it dies."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from stack.child import Child, Command, Program
from stack.errors import ServerFailed, StackError
from stack.journal import Journal

FIRST_STARTS = 3  # ports can be lost to another process between choosing and binding
BACK_OFF_FIRST, BACK_OFF_LONGEST = 0.5, 30.0  # seconds
STABLE = 60.0  # seconds of life after which an end counts as the first one again
RESTARTS_BEFORE_ALARM = 4
POLL = 0.05


class Guard:
    """Our line to guard.py: which process groups are to end when we are killed."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("guard.py")
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)], stdin=subprocess.PIPE, cwd="/", start_new_session=True
        )

    def tell(self, sign: str, group: int) -> None:
        """`+` a group has been started, `-` it has ended."""
        with self._lock, suppress(BrokenPipeError):  # without the guard the kernel's own signal remains
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.write(f"{sign}{group}\n".encode())
                self._process.stdin.flush()

    def close(self) -> None:
        """Let the guard end; it kills what is still listed."""
        with self._lock:
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait()


class Keeper(threading.Thread):
    """The thread of one program. It lives as long as the program, as `Child` asks."""

    def __init__(
        self,
        program: Program,
        journal: Journal,
        guard: Guard,
        say: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:
        super().__init__(name=f"keeper-{program.name}", daemon=True)
        self.program = program
        self.journal = journal
        self.child: Child | None = None
        self.failure: StackError | None = None
        self.started_in = 0.0
        self._command: Command | None = None
        self._guard = guard
        self._say = say
        self._changed = changed
        self._stopping = threading.Event()
        self._settled = threading.Event()

    def wait_ready(self) -> None:
        """Wait until the program answers or has failed; raises what went wrong."""
        self._settled.wait()
        if self.failure:
            raise self.failure

    def request_stop(self) -> None:
        """Begin to end the program, without waiting."""
        self._stopping.set()

    def stop(self) -> None:
        """End the program and this thread."""
        self.request_stop()
        if self.is_alive():
            self.join()
        self.journal.close()

    def run(self) -> None:
        """Start it a few times until it is ready, then keep it."""
        try:
            self._start_first()
            self._settled.set()
            self._keep()
        except StackError as error:
            self.failure = error
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits
            self.failure = ServerFailed(f"{self.program.name}: {type(error).__name__}: {error}")
        finally:
            self._end_child()
            self._settled.set()

    def _start_first(self) -> None:
        begun = time.monotonic()
        for attempt in range(FIRST_STARTS):
            self._command = self.program.prepare(fresh_ports=attempt > 0)
            if self._start_once(self._command) or self._stopping.is_set():
                self.started_in = time.monotonic() - begun
                return
        raise ServerFailed(
            f"{self.program.name} did not start; its log is {self.journal.path}. It ended with:\n"
            f"{self.journal.tail()}"
        )

    def _start_once(self, command: Command) -> bool:
        """Start and wait until ready; False if it died first."""
        if self._stopping.is_set():
            return False
        self.child = Child(self.program.name, command, self.journal)
        self._guard.tell("+", self.child.pid)
        self._changed()
        self.program.note(self.child)
        deadline = time.monotonic() + self.program.ready_timeout
        while not self._stopping.is_set():
            if self.child.wait(POLL) is not None:
                self._forget_child()
                return False
            if self.program.is_ready():
                self.program.settle()
                return True
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"{self.program.name} runs but does not answer after {self.program.ready_timeout:.0f} s; "
                    f"its log is {self.journal.path}:\n{self.journal.tail()}"
                )
        return False

    def _keep(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            begun = time.monotonic()
            status = self._wait_for_end()
            if self._stopping.is_set():
                return
            deaths = 1 if time.monotonic() - begun > STABLE else deaths + 1
            delay = min(BACK_OFF_FIRST * 2 ** (deaths - 1), BACK_OFF_LONGEST)
            self._report_death(status, deaths, delay)
            if self._stopping.wait(delay):
                return
            self._restart()

    def _wait_for_end(self) -> int | None:
        """Wait for the child's end or for `stop`."""
        while self.child and not self._stopping.is_set():
            status = self.child.wait(POLL * 2)
            if status is not None:
                self._forget_child()
                return status
        return None

    def _restart(self) -> None:
        """Start the same command again: clients know its ports."""
        try:
            if self._command and self._start_once(self._command):
                self._say(self.program.name, f"started again, pid {self.child.pid if self.child else '-'}")
        except StackError as error:
            self._end_child()
            self._say(self.program.name, str(error))

    def _report_death(self, status: int | None, deaths: int, delay: float) -> None:
        how = "could not be started" if status is None else describe_status(status)
        message = f"{how}; starting it again in {delay:g} s"
        if deaths >= RESTARTS_BEFORE_ALARM:
            message += f". It has died {deaths} times in a row; the end of {self.journal.path}:\n"
            message += self.journal.tail()
        self._say(self.program.name, message)

    def _forget_child(self) -> None:
        if self.child:
            self.child.sweep()
            self._guard.tell("-", self.child.pid)
            self.child = None

    def _end_child(self) -> None:
        if self.child:
            self.child.stop(self.program.stop_signal, self.program.stop_grace)
            self._guard.tell("-", self.child.pid)
            self.child = None


def describe_status(status: int) -> str:
    """`ended with status 1`, or `was killed by signal 9`."""
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
