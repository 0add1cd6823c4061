"""The stored files of reference photos. A storage that is away is no fault of a photo."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files import File
from django.core.files.storage import default_storage

from jobs.errors import Unavailable


def read_file(name: str) -> bytes:
    """The file's bytes. Raises `FileNotFoundError`, `Unavailable`."""
    with _storage_errors(), default_storage.open(name) as stored:
        data: bytes = stored.read()
    return data


def open_file(name: str) -> "File[bytes]":
    """The file, for the caller to read and close; it is all there by then. Raises as `read_file` does."""
    with _storage_errors():
        stored: File[bytes] = default_storage.open(name)
        # A bucket's file is fetched when it is first used, which is not to fail half-way through an answer.
        stored.seek(0)
    return stored


def delete_file(name: str) -> None:
    """Delete the file; gone already is fine. Raises `Unavailable`."""
    with _storage_errors():
        default_storage.delete(name)


def delete_folder(name: str) -> None:
    """Delete every file below the folder, and the folder; gone already is fine. Raises `Unavailable`."""
    with _storage_errors():
        _delete_below(name)


def _delete_below(folder: str) -> None:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for file in files:
        default_storage.delete(f"{folder}/{file}")
    for inner in folders:
        _delete_below(f"{folder}/{inner}")
    # A file system keeps the empty folder; in a bucket there is none, and nothing happens.
    default_storage.delete(folder)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Each storage has its own errors; all but a missing file mean that it did not do its part."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:
        raise Unavailable(
            f"The file storage did not do its part ({type(error).__name__}). Try again shortly.",
            code="storage_away",
            retry_after=5,
        ) from error
