"""The var directory: where everything of one stack lies, its secrets, and who owns it just now."""

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from stack.ports import Ports

SECRET_NAMES = ("secret_key", "postgres", "postgres_owner", "valkey", "milvus")
START_TOLERANCE = 0.05  # seconds; a process is known by its pid and its start time


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


@dataclass(frozen=True)
class ProcessMark:
    """A process that can be told from a later one with the same pid."""

    name: str
    pid: int
    started: float

    @classmethod
    def of(cls, name: str, pid: int) -> "ProcessMark | None":
        """The mark of a running process, None if it is gone already."""
        try:
            return cls(name, pid, psutil.Process(pid).create_time())
        except psutil.NoSuchProcess:
            return None

    def find(self) -> psutil.Process | None:
        """The process itself while it runs."""
        try:
            process = psutil.Process(self.pid)
            alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            return process if alive and abs(process.create_time() - self.started) < START_TOLERANCE else None
        except psutil.NoSuchProcess:
            return None


@dataclass(frozen=True)
class Record:
    """What a supervisor writes down about itself, in var/stack/record.json (mode 0600)."""

    supervisor: ProcessMark
    ready: bool = False
    processes: bool = False
    given: tuple[str, ...] = ()  # servers' variables that its own environment had
    environment: Mapping[str, str] = field(default_factory=dict)
    children: tuple[ProcessMark, ...] = ()
    scratch: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record back."""
        raw: dict[str, Any] = json.loads(text)
        raw["supervisor"] = ProcessMark(*raw["supervisor"])
        raw["children"] = tuple(ProcessMark(*mark) for mark in raw["children"])
        raw["scratch"], raw["given"] = tuple(raw["scratch"]), tuple(raw["given"])
        return cls(**raw)

    def to_json(self) -> str:
        """The record as JSON."""
        values = vars(self) | {
            "supervisor": list(vars(self.supervisor).values()),
            "children": [list(vars(mark).values()) for mark in self.children],
        }
        return json.dumps(values, indent=1)


class VarDirectory:
    """Paths below one var directory, made on demand."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - a symlink to another disk keeps its name
        if not self.root.exists():
            self.root.mkdir(parents=True)
            self.root.chmod(0o755)  # PostgreSQL, as another account, must be able to pass through
        for private in (self.stack, self.log):
            private.mkdir(exist_ok=True, mode=0o700)
        self.ports = Ports(self.stack / "ports.json")

    @property
    def stack(self) -> Path:
        """Where the supervisor keeps its own files."""
        return self.root / "stack"

    @property
    def log(self) -> Path:
        """Where the children's output goes."""
        return self.root / "log"

    @property
    def cache(self) -> Path:
        """What can be made again at any time: unpacked binaries."""
        return self.root / "cache"

    def load_secrets(self) -> dict[str, str]:
        """The generated secrets, made at the first start."""
        path = self.stack / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        missing = {name: secrets.token_urlsafe(32) for name in SECRET_NAMES if name not in known}
        if missing:
            write_private(path, json.dumps(known | missing, indent=1))
        return known | missing

    def try_lock(self) -> int | None:
        """Become the one supervisor of this directory: an open descriptor, or None if there is one.

        The kernel frees the lock with the process, however that ends.
        """
        descriptor = os.open(self.stack / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def read_record(self) -> Record | None:
        """What the last or present supervisor wrote down."""
        try:
            return Record.from_json((self.stack / "record.json").read_text())
        except FileNotFoundError:
            return None

    def write_record(self, record: Record) -> None:
        """Replace the record."""
        write_private(self.stack / "record.json", record.to_json())

    def remove_record(self) -> None:
        """Say that no supervisor runs any more."""
        (self.stack / "record.json").unlink(missing_ok=True)
