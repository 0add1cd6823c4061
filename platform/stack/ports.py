"""Free TCP ports for the servers of one var directory, kept from one start to the next where still free."""

import json
import random
import socket
import threading
from pathlib import Path

# Below 32768, where Linux begins to take ports for outgoing connections: one of those cannot come between.
PORT_RANGE = range(20000, 32000)
ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether nobody listens on the port, on any interface."""
    for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - to see what is taken, nothing listens here
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


class Ports:
    """Names to ports, remembered in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def take(self, name: str, *, fresh: bool = False) -> int:
        """The port of `name`: the last one if it is free and not `fresh`, else another free one."""
        with self._lock:
            port = self._ports.get(name)
            if port is None or fresh or not is_free(port):
                port = self._ports[name] = self._find_free()
                self._path.write_text(json.dumps(self._ports, indent=1, sort_keys=True))
            return port

    def _find_free(self) -> int:
        taken = set(self._ports.values())
        generator = random.SystemRandom()
        for _ in range(ATTEMPTS):
            port = generator.choice(PORT_RANGE)
            if port not in taken and is_free(port):
                return port
        raise OSError(f"no free port found between {PORT_RANGE.start} and {PORT_RANGE.stop}")
