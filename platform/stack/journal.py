"""What the children print: a bounded file for each under var/log, the last lines in memory, the terminal."""

import os
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, TextIO

MAX_FILE_BYTES = 10 * 1024 * 1024
TAIL_LINES = 30
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)  # ANSI foreground colours, one a program in turn


class Terminal:
    """Whole lines from many threads, each with a coloured prefix where the stream is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ

    def write(self, name: str, line: str) -> None:
        """Print one line of the program `name`."""
        with self._lock:
            prefix = f"{name:<9} | "
            if self._coloured:
                colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
                prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
            try:
                self._stream.write(f"{prefix}{line}\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                # The reader of our output is gone; the files under var/log still get every line.
                self._stream = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - kept open for life


class Journal:
    """The output of one program. Started anew with each stack; the last run's stays beside it as `.1`."""

    def __init__(self, name: str, directory: Path, echo: Terminal | None) -> None:
        self.name = name
        self.path = directory / f"{name}.log"
        self._echo = echo
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._size = 0
        self._file = self._rotate()

    def _rotate(self) -> IO[str]:
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".log.1"))
        self._size = 0
        return self.path.open("w", encoding="utf-8", errors="replace")

    def write(self, line: str) -> None:
        """Keep one line; a file that has grown past 10 MiB makes place for a new one."""
        if self._size > MAX_FILE_BYTES:
            self._file.close()
            self._file = self._rotate()
        self._size += self._file.write(f"{line}\n")
        self._file.flush()
        self._tail.append(line)
        if self._echo:
            self._echo.write(self.name, line)

    def pump(self, stream: IO[bytes]) -> None:
        """Take lines from a child's pipe until its last writer has closed it."""
        with stream:
            for line in stream:
                self.write(line.decode("utf-8", "replace").rstrip("\r\n"))

    def tail(self) -> str:
        """The last lines, indented, for an error message."""
        return "\n".join(f"    {line[:400]}" for line in list(self._tail)) or "    (it printed nothing)"

    def close(self) -> None:
        """Close the file."""
        self._file.close()
