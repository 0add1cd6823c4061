"""The two commands: `run` and `up`."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from stack.child import Command, launcher_argv
from stack.directory import VarDirectory
from stack.errors import AlreadyRunning
from stack.joining import join_environment, lock_or_join
from stack.journal import Terminal
from stack.procfile import process_environment, read_procfile
from stack.supervisor import Options, Supervisor

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COMMAND_GRACE = 15.0
DEMO_KEY_TIMEOUT = 120.0


@dataclass(frozen=True)
class Arguments:
    """The command line."""

    var: Path
    procfile: Path
    processes: bool
    command: tuple[str, ...] = ()


class Stopped(BaseException):
    """A stop signal arrived. Not an Exception: no handler for errors may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def raise_stopped(number: int, _: FrameType | None) -> None:
    """Signal handler: once; from then on the way down is not to be interrupted."""
    for sign in STOP_SIGNALS:
        signal.signal(sign, signal.SIG_IGN)
    raise Stopped(number)


def say(name: str, message: str) -> None:
    """One message of ours on the terminal."""
    sys.stderr.write(f"stack: {name}: {message}\n")


def warn_exposed(supervisor: Supervisor) -> None:
    """Say so where Milvus could not be kept on the loopback interface."""
    if supervisor.exposure:
        sys.stderr.write(
            f"stack: warning: Milvus listens on every network interface ({supervisor.exposure}). "
            "Only its main port asks for a password. "
            "Use the embedded stack only on a machine that others cannot reach.\n"
        )


@contextmanager
def running(supervisor: Supervisor) -> Iterator[None]:
    """Start on entry, stop on exit, whatever happens between."""
    for sign in STOP_SIGNALS:
        signal.signal(sign, raise_stopped)
    try:
        supervisor.start()
        warn_exposed(supervisor)
        yield
    finally:
        for sign in STOP_SIGNALS:
            signal.signal(sign, signal.SIG_IGN)
        supervisor.stop()


def run(arguments: Arguments) -> int:
    """Run one command on the stack; its exit status."""
    root = Path.cwd()
    procfile = read_procfile(arguments.procfile) if arguments.processes else None
    var = VarDirectory(arguments.var)
    found = lock_or_join(var)
    if not isinstance(found, int):
        exports = join_environment(found, os.environ, processes=arguments.processes)
        say("run", f"using the stack that is up (pid {found.supervisor.pid})")
        return run_command(arguments.command, process_environment(exports, root))
    supervisor = Supervisor(var, Options(root, dict(os.environ), procfile), say)
    try:
        with running(supervisor):
            if supervisor.timings:
                took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in supervisor.timings.items())
                say("ready", took)
            return run_command(arguments.command, process_environment(supervisor.exports, root))
    except Stopped as stopped:
        return stopped.status
    finally:
        os.close(found)


def run_command(argv: tuple[str, ...], env: Mapping[str, str]) -> int:
    """Run it in our own process group, so that it keeps the terminal; the status as a shell gives it."""
    process = subprocess.Popen(launcher_argv(Command(argv, Path.cwd(), env), None), env=env)

    def forward(number: int, _: FrameType | None) -> None:
        # Ctrl-C at the terminal reaches the whole group by itself.
        if number != signal.SIGINT or not in_foreground():
            process.send_signal(number)
            insist = threading.Timer(COMMAND_GRACE, process.kill)
            insist.daemon = True
            insist.start()

    for sign in STOP_SIGNALS:
        signal.signal(sign, forward)
    status = process.wait()
    return status if status >= 0 else 128 - status


def in_foreground() -> bool:
    """Whether the terminal sends its signals to us."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def up(arguments: Arguments) -> int:
    """Run everything until a stop signal."""
    root = Path.cwd()
    procfile = read_procfile(arguments.procfile)
    var = VarDirectory(arguments.var)
    found = lock_or_join(var)
    if not isinstance(found, int):
        raise AlreadyRunning(f"A stack is up already on {var.root} (pid {found.supervisor.pid}).")
    terminal = Terminal(sys.stdout)
    supervisor = Supervisor(var, Options(root, dict(os.environ), procfile, terminal), terminal.write)
    try:
        with running(supervisor):
            print_banner(supervisor, var, terminal, demo_key(supervisor, root))
            threading.Event().wait()
    except Stopped:
        terminal.write("stack", "stopped")
    finally:
        os.close(found)
    return 0


def demo_key(supervisor: Supervisor, root: Path) -> str:
    """What `manage.py demokey` prints, or why there is none."""
    env = process_environment(supervisor.exports, root)
    result = subprocess.run(
        (sys.executable, "manage.py", "demokey"), cwd=root, env=env, text=True, capture_output=True,
        timeout=DEMO_KEY_TIMEOUT, check=False,
    )  # fmt: skip
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [f"status {result.returncode}"])[-1]
        return f"none: `python manage.py demokey` failed: {reason}"
    return result.stdout.strip()


def print_banner(supervisor: Supervisor, var: VarDirectory, terminal: Terminal, key: str) -> None:
    """What a newcomer wants to know, after the log lines of the start."""
    reach = (
        "this machine only"
        if not supervisor.exposure
        else "Milvus on EVERY network interface, see the warning"
    )
    for line in (
        f"API docs   {supervisor.exports['VITRINE_URL']}/docs",
        f"Demo key   {key}",
        f"Data       {var.root}",
        f"Logs       {var.log} (Milvus's only there)",
        f"Listens    {reach}",
        "Stop       Ctrl-C",
    ):
        terminal.write("stack", line)
