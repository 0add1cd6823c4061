"""What lies in a models directory: the files that were made or registered here, and their hashes.

The directory is written by one process at a time (a file lock) and never shows a half-written file (written
beside, then renamed), so reading needs no lock.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.errors import ModelCorrupt, ModelError, ModelNotInstalled

_MANIFEST = "manifest.json"
_CARDS = "cards"
_LOCK = ".lock"


@dataclass(frozen=True)
class Installed:
    """A file made here from `source_sha256` by revision `revision` of the conversion."""

    file: str
    sha256: str
    source_sha256: str
    revision: int


class ModelsDirectory:
    """`path` and what is known to be in it. It need not exist for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for writing; waits while another process does. Raises ModelError on refusal."""
        with self._explained():
            self.path.mkdir(parents=True, exist_ok=True)
            handle = (self.path / _LOCK).open("w", encoding="ascii")
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def read_installed(self) -> dict[str, Installed]:
        """By model name; empty when nothing was installed. Raises ModelCorrupt for a damaged manifest."""
        try:
            found = json.loads((self.path / _MANIFEST).read_text(encoding="utf-8"))
            return {name: Installed(**entry) for name, entry in found.items()}
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelCorrupt(
                f"{self.path / _MANIFEST} is damaged ({error}); delete it, install again."
            ) from error

    def record(self, name: str, entry: Installed) -> None:
        """Add or replace one entry. Call with the lock held."""
        entries = {**self.read_installed(), name: entry}
        plain = {key: asdict(value) for key, value in sorted(entries.items())}
        self.write(_MANIFEST, json.dumps(plain, indent=1).encode())

    def read_cards(self) -> dict[str, dict[str, Any]]:
        """The registered cards as plain data, by name. Raises ModelCorrupt for a damaged file."""
        cards = {}
        for path in sorted((self.path / _CARDS).glob("*.json")):
            try:
                cards[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise ModelCorrupt(
                    f"{path} is damaged ({error}); delete it and add the model again."
                ) from error
        return cards

    def write_card(self, name: str, card: dict[str, Any]) -> None:
        """Keep a registered card. Call with the lock held."""
        self.write(f"{_CARDS}/{name}.json", json.dumps(card, indent=1).encode())

    def write(self, name: str, data: bytes) -> str:
        """Put a file in place in one step; returns its sha256. Raises ModelError where the disk refuses."""
        target = self.path / name
        with self._explained():
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".part-", dir=target.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                # mkstemp is for secrets (0600); models are read by other users' workers too.
                Path(temporary).chmod(0o644)
                Path(temporary).replace(target)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        return hashlib.sha256(data).hexdigest()

    def check_file(self, name: str, file: str, sha256: str | None) -> Path:
        """The path of a model's file, after comparing its hash (some 20 ms for 20 MB).

        Raises ModelNotInstalled when it is not there, ModelCorrupt when it is another.
        """
        path = self.path / file
        if sha256 is None or not path.is_file():
            raise ModelNotInstalled(
                f"Model {name!r} is not in {self.path}. Run: python -m inference models install"
            )
        with path.open("rb") as opened:
            actual = hashlib.file_digest(opened, "sha256").hexdigest()
        if actual != sha256:
            raise ModelCorrupt(
                f"{path} has sha256 {actual}, recorded is {sha256}. Delete it and install again."
            )
        return path

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ModelError(f"The models directory {self.path} cannot be written: {error}") from error
