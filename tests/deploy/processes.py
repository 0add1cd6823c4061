"""Child processes of the deployment tests: read by their log, stopped by pid."""

import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

_STOP_GRACE_S = 30


class ProcessFailed(AssertionError):
    """A process ended early or did not do in time what was asked; the message ends with its log."""


class Running:
    """One process and its log."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, name: str
    ) -> None:
        self.name = name
        self._log = log
        self._asked = False
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        """All it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_until(self, holds: Callable[[], bool], *, what: str, seconds: float = 90) -> None:
        """Wait for something that this process should bring about."""
        deadline = time.monotonic() + seconds
        while not holds():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{self.name}: not {what}; status {self._process.poll()}\n{self.log[-4000:]}"
                )
            time.sleep(0.2)

    def wait_log(self, text: str) -> None:
        """Wait until the log holds the text."""
        self.wait_until(lambda: text in self.log, what=f"logged {text!r}")

    def wait_answer(self, url: str, *, status: int) -> None:
        """Wait until the address answers with the status."""
        self.wait_until(lambda: read_status(url) == status, what=f"answering {status} at {url}")

    def wait_end(self) -> int:
        """Wait for its end; the exit status."""
        return self._process.wait(timeout=90)

    def ask_to_stop(self) -> None:
        """SIGTERM, once: a second one cuts a Celery worker's orderly end short."""
        if not self._asked:
            self._asked = True
            self._process.terminate()

    def stop(self) -> int:
        """SIGTERM, and SIGKILL for one that does not listen; the exit status."""
        self.ask_to_stop()
        try:
            return self._process.wait(timeout=_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def read_status(url: str) -> int | None:
    """The status code, None while nobody answers."""
    try:
        return httpx.get(url, timeout=15).status_code
    except httpx.TransportError:
        return None


def find_free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
