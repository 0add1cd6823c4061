"""Folders on disk, read without following a link: each step down is opened in the folder above it."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from jobs.errors import Unavailable
from transfer.errors import SourceRefused
from transfer.sources.archives.entries import Entry, Ledger, make_too_large
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import show_name

_CHUNK: Final = 2**16
_DEEPEST: Final = 32
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening a pipe would wait for its writer otherwise.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class FolderReader:
    """Reads a folder as an `ArchiveReader` reads an archive. A place is the file's name below the folder.

    root: a directory that the operator named, which may be reached by links. parts: the way from there to
    the folder, on which none may be.
    """

    def __init__(self, root: Path, parts: tuple[str, ...], limits: ArchiveLimits) -> None:
        self._root = root
        self._parts = parts
        self._limits = limits

    def is_there(self) -> bool:
        """Whether the folder exists, and no part of the way to it is a link. Raises `Unavailable`."""
        try:
            with _open_root(self._root) as root, _open_folder(root, self._parts):
                return True
        except SourceRefused as error:
            if error.code == "photo_missing":
                return False
            raise

    def list_entries(self) -> Iterator[Entry]:
        """All files but hidden ones, folder by folder in order of their names.

        Raises `SourceRefused`: `archive_unsafe` for a link or anything else that is no file,
        `archive_too_large`, `source_unreadable`; `Unavailable`.
        """
        with _open_root(self._root) as root, _open_folder(root, self._parts) as folder:
            yield from self._walk(folder, (), Ledger(self._limits))

    def read_chunks(self, place: str, *, limit: int) -> Iterator[bytes]:
        """The file piece by piece. Raises `SourceRefused`: `photo_missing`, `archive_too_large`, ..."""
        *folders, name = place.split("/")
        size = 0
        with (
            _open_root(self._root) as root,
            _open_folder(root, (*self._parts, *folders)) as folder,
            _open_file(folder, name) as file,
        ):
            while chunk := _read(file, place):
                size += len(chunk)
                if size > limit:
                    raise make_too_large(place, f"it has more than {limit} bytes")
                yield chunk

    def _walk(self, folder: int, above: tuple[str, ...], ledger: Ledger) -> Iterator[Entry]:
        if len(above) > _DEEPEST:
            raise make_too_large("/".join(above), f"folders lie more than {_DEEPEST} deep")
        for each in _scan(folder, above, self._limits.entries):
            parts = (*above, each.name)
            name = "/".join(parts)
            if each.is_dir(follow_symlinks=False):
                ledger.admit(name, size=0, folder=True)
                with _open_folder(folder, (each.name,)) as inner:
                    yield from self._walk(inner, parts, ledger)
            else:
                size = _measure(each, name)
                yield Entry(ledger.admit(name, size=size, folder=False), size, name)


def _scan(folder: int, above: tuple[str, ...], most: int) -> list[os.DirEntry[str]]:
    """What is not hidden, in order of names; one more than the most that may be there at all."""
    with _name_errors("/".join(above)), os.scandir(folder) as found:
        shown = (each for each in found if not each.name.startswith("."))
        return sorted(islice(shown, most + 1), key=lambda each: each.name)


def _measure(each: os.DirEntry[str], name: str) -> int:
    with _name_errors(name):
        found = each.stat(follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "neither a file nor a folder"
        raise SourceRefused(f"{show_name(name)} is {kind}. Put the file itself there.", code="archive_unsafe")
    return found.st_size


@contextmanager
def _open_root(root: Path) -> Iterator[int]:
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _away(error) from error
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _open_folder(above: int, parts: tuple[str, ...]) -> Iterator[int]:
    """The folder so many steps below one that is open."""
    handle = os.dup(above)
    try:
        for part in parts:
            with _name_errors(part):
                inner = os.open(_check_part(part), _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _open_file(folder: int, name: str) -> Iterator[int]:
    with _name_errors(name):
        handle = os.open(_check_part(name), _FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise SourceRefused(f"{show_name(name)} is no file.", code="archive_unsafe")
        yield handle
    finally:
        os.close(handle)


def _read(file: int, name: str) -> bytes:
    with _name_errors(name):
        return os.read(file, _CHUNK)


def _check_part(part: str) -> str:
    """A name that leads to something right in its folder, and nowhere else."""
    if part in {"", ".", ".."} or "/" in part or "\0" in part:
        raise SourceRefused(f"{show_name(part)} is no name of a file.", code="archive_unsafe")
    return part


@contextmanager
def _name_errors(name: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise SourceRefused(
            f"{show_name(name)} may not be read by Vitrine's user. Change its permissions.",
            code="source_unreadable",
        ) from error
    except OSError as error:
        if error.errno in _GONE:
            message = f"{show_name(name)} is not there, or is a link."
            raise SourceRefused(message, code="photo_missing") from error
        raise _away(error) from error


def _away(error: OSError) -> Unavailable:
    what = errno.errorcode.get(error.errno or 0, "unknown")
    return Unavailable(
        f"The directory of imports cannot be read now ({what}). Try again shortly.",
        code="storage_away",
        retry_after=5,
    )
