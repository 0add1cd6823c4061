"""The processes that run on the servers: a Procfile's lines, as children."""

import os
import re
import shlex
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.child import Child, Command
from stack.errors import ProcfileInvalid

LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)")
SHELL_SYNTAX = re.compile(r"[;&|<>()`]")
RELEASE, WEB = "release", "web"
PROBE_TIMEOUT = 1.0


@dataclass(frozen=True)
class Procfile:
    """The release line, if there is one, and the processes in their order."""

    release: str | None
    processes: Mapping[str, str]


def read_procfile(path: Path) -> Procfile:
    """Parse `name: command` lines; empty ones and those that begin with # are passed over."""
    if not path.exists():
        raise ProcfileInvalid(f"There is no {path}. Run this in the repository's root, or give --procfile.")
    commands: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None or match["name"] in commands:
            raise ProcfileInvalid(f"{path}, line {number}: expected `name: command`, each name once: {line}")
        commands[match["name"]] = match["command"]
    return Procfile(commands.pop(RELEASE, None), commands)


def shell_argv(line: str) -> tuple[str, ...]:
    """A command line for the shell, which becomes the program itself where the line is one command."""
    first = shlex.split(line, posix=False)[0]
    single = not SHELL_SYNTAX.search(line) and "=" not in first
    return ("/bin/sh", "-c", f"exec {line}" if single else line)


def process_environment(exports: Mapping[str, str], root: Path) -> dict[str, str]:
    """The environment of our own programs: the exports, this Python's bin first, the rooms importable."""
    inherited = dict(os.environ)
    bin_directory = str(Path(sys.executable).parent)
    sources = (str(root), str(Path(__file__).parents[1]))
    python_path = [part for part in inherited.get("PYTHONPATH", "").split(os.pathsep) if part]
    return inherited | {
        **exports,
        "PATH": os.pathsep.join((bin_directory, inherited.get("PATH", os.defpath))),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys((*sources, *python_path))),
        "PYTHONUNBUFFERED": "1",
    }


class Process:
    """One line of the Procfile. `web` is ready when its port takes connections, the rest at once."""

    stop_signal = signal.SIGTERM
    stop_grace = 15.0
    ready_timeout = 60.0

    def __init__(self, name: str, line: str, root: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self._command = Command(shell_argv(line), root, env)
        self._port = int(env["PORT"]) if name == WEB else None

    def prepare(self, *, fresh_ports: bool) -> Command:  # noqa: ARG002 - the web port is part of the URL given out
        """The line itself."""
        return self._command

    def is_ready(self) -> bool:
        """Whether it takes connections; what they answer is the application's own affair (`/readyz`)."""
        if self._port is None:
            return True
        try:
            socket.create_connection(("127.0.0.1", self._port), PROBE_TIMEOUT).close()
        except OSError:
            return False
        return True

    def settle(self) -> None:
        """Nothing to do."""

    def note(self, child: Child) -> None:
        """Nothing to learn."""
