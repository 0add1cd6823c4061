"""Files to send: one as it is, or a folder packed on the fly. The bytes are the same each time it is read.

So an upload that was cut short goes on in another process, and a folder needs no archive on disk.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from vitrine.errors import FileProblem

_BLOCK: Final = 2**20
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)  # no older one fits into a ZIP
_FILE_MODE: Final = 0o100644 << 16
Advance = Callable[[int], object]


class Sendable(Protocol):
    """What can be uploaded. size: of what is read, in bytes, as far as it is known before; for people."""

    @property
    def filename(self) -> str:
        """Its ending says what it is."""
        ...

    @property
    def size(self) -> int:
        """About so many bytes."""
        ...

    def read_blocks(self) -> Iterator[bytes]:
        """All bytes, the same ones each time. Raises `FileProblem`."""
        ...


@dataclass(frozen=True)
class Measured:
    """What a file is, exactly: bytes, and their sha256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class PlainFile:
    """A file as it is; within a folder that is packed, `filename` is its path in there."""

    path: Path
    filename: str
    size: int

    def read_blocks(self) -> Iterator[bytes]:
        """All bytes. Raises `FileProblem` (`file_unreadable`, `file_changed`)."""
        left = self.size
        try:
            with self.path.open("rb") as file:
                while block := file.read(_BLOCK):
                    left -= len(block)
                    if left < 0:
                        break
                    yield block
        except OSError as error:
            raise _make_unreadable(self.path, error) from error
        if left:
            raise FileProblem(
                "file_changed", f"{self.path} changed while it was read. Run the command again."
            )


@dataclass(frozen=True)
class PackedFolder:
    """A folder as a ZIP of all its files in order of their names, stored as they are, without dates."""

    folder: Path
    files: tuple[PlainFile, ...]

    @property
    def filename(self) -> str:
        """The folder's own name with `.zip`."""
        return f"{self.folder.resolve().name or 'folder'}.zip"

    @property
    def size(self) -> int:
        """The files together; the archive has some more."""
        return sum(file.size for file in self.files)

    def read_blocks(self) -> Iterator[bytes]:
        """The archive as it is made. Raises `FileProblem` as a file of it does."""
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
            for file in self.files:
                with archive.open(_describe_entry(file), "w") as entry:
                    for block in file.read_blocks():
                        entry.write(block)
                        yield sink.take()
        yield sink.take()


def open_file(path: Path) -> PlainFile | PackedFolder:
    """The file, or the folder with all that is in it but hidden files. Raises `FileProblem`."""
    if path.is_dir():
        files = tuple(sorted(_walk(path, "", ()), key=lambda file: file.filename))
        if not files:
            raise FileProblem("folder_empty", f"The folder {path} holds no files.")
        return PackedFolder(path, files)
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise FileProblem("file_missing", f"There is no file or folder {path}.") from error
    except OSError as error:
        raise _make_unreadable(path, error) from error
    if not path.is_file():
        raise FileProblem("file_unreadable", f"{path} is neither a file nor a folder.")
    if not size:
        raise FileProblem("file_empty", f"{path} is empty.")
    return PlainFile(path, path.name, size)


def measure_file(file: Sendable, advance: Advance | None = None) -> Measured:
    """Read it through once; `advance` is told the bytes of each block."""
    digest, size = hashlib.sha256(), 0
    for block in file.read_blocks():
        digest.update(block)
        size += len(block)
        if advance is not None:
            advance(len(block))
    return Measured(size, digest.hexdigest())


def cut_chunks(blocks: Iterable[bytes], *, start: int, size: int) -> Iterator[bytes]:
    """The bytes from `start` on in chunks of `size`, the last one shorter."""
    buffer, skip = bytearray(), start
    for block in blocks:
        buffer += memoryview(block)[skip:]
        skip = max(0, skip - len(block))
        while len(buffer) >= size:
            yield bytes(buffer[:size])
            del buffer[:size]
    if buffer:
        yield bytes(buffer)


class _Sink(io.RawIOBase):
    """A file that cannot seek, whose bytes are taken from it as they come; `zipfile` writes to it."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Keep the bytes until they are taken."""
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken


def _describe_entry(file: PlainFile) -> zipfile.ZipInfo:
    try:
        file.filename.encode()
    except UnicodeEncodeError as error:
        shown = file.filename.encode("utf-8", "backslashreplace").decode()
        raise FileProblem(
            "name_unreadable", f"The name of {shown} is not in UTF-8. Rename the file."
        ) from error
    entry = zipfile.ZipInfo(file.filename, _FIRST_DAY)
    entry.external_attr, entry.create_system = _FILE_MODE, 3
    entry.file_size = file.size  # or files of 4 GiB would be refused
    return entry


def _walk(folder: Path, above: str, on_the_way: tuple[Path, ...]) -> Iterator[PlainFile]:
    """All files but hidden ones, by their paths below the first folder. Links are followed, in no circle."""
    place = folder.resolve()
    if place in on_the_way:
        raise FileProblem("folder_circular", f"The link {folder} leads back to a folder that it lies in.")
    try:
        with os.scandir(folder) as entries:
            shown = [each for each in entries if not each.name.startswith(".")]
        for each in shown:
            name = f"{above}{each.name}"
            if each.is_dir():
                yield from _walk(Path(each.path), f"{name}/", (*on_the_way, place))
            else:
                yield PlainFile(Path(each.path), name, each.stat().st_size)
    except OSError as error:
        raise _make_unreadable(Path(error.filename or folder), error) from error


def _make_unreadable(path: Path, error: OSError) -> FileProblem:
    return FileProblem("file_unreadable", f"{path} cannot be read: {error.strerror}.")
