"""The part of a bucket that is one tenant's, read object by object."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import storages

from jobs.errors import Unavailable
from transfer.errors import SourceRefused
from transfer.sources.archives.entries import Entry, Ledger, make_too_large
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import show_name

_CHUNK: Final = 2**16
_ODD: Final = frozenset({"", ".", ".."})


class BucketReader:
    """Reads the keys below a prefix as an `ArchiveReader` reads an archive. A place is the rest of a key.

    prefix: ends in a slash. The bucket is that of the storage `imports`.
    """

    def __init__(self, prefix: str, limits: ArchiveLimits) -> None:
        self._prefix = prefix
        self._limits = limits

    def is_there(self) -> bool:
        """Whether there is a key below the prefix. Raises `Unavailable`, `SourceRefused`."""
        with _name_errors(""):
            return any(True for _ in _open_bucket().objects.filter(Prefix=self._prefix).limit(1))

    def list_entries(self) -> Iterator[Entry]:
        """All keys but hidden ones and folders, in the order of the bucket. Raises as `FolderReader`."""
        ledger = Ledger(self._limits)
        with _name_errors(""):
            for each in _open_bucket().objects.filter(Prefix=self._prefix):
                name = str(each.key).removeprefix(self._prefix)
                if name and not name.endswith("/") and not _is_hidden(name):
                    _check_place(name)
                    size = int(each.size)
                    yield Entry(ledger.admit(name, size=size, folder=False), size, name)

    def read_chunks(self, place: str, *, limit: int) -> Iterator[bytes]:
        """The object piece by piece. Raises `SourceRefused`: `photo_missing`, `archive_too_large`, ..."""
        _check_place(place)
        size = 0
        with _name_errors(place):
            body = _open_bucket().Object(self._prefix + place).get()["Body"]
            with closing(body):
                for chunk in body.iter_chunks(_CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise make_too_large(place, f"it has more than {limit} bytes")
                    yield chunk


def _open_bucket() -> Any:
    return cast("Any", storages["imports"]).bucket


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part not in _ODD for part in name.split("/"))


def _check_place(name: str) -> None:
    """To a bucket these are names like others; what stands between it and us may take them for a way."""
    if not _ODD.isdisjoint(name.split("/")):
        raise SourceRefused(f"{show_name(name)} is no plain name of a file.", code="archive_unsafe")


@contextmanager
def _name_errors(name: str) -> Iterator[None]:
    """A server that is away is asked again; one that says no is not."""
    try:
        yield
    except ClientError as error:
        said = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if said in {"NoSuchKey", "404"}:
            raise SourceRefused(f"{show_name(name)} is not there.", code="photo_missing") from error
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and said != "SlowDown":
            what = show_name(name) if name else "it"
            raise SourceRefused(
                f"The bucket of imports does not let Vitrine read {what} ({said}). Tell the operator.",
                code="source_unreadable",
            ) from error
        raise _away(said) from error
    except BotoCoreError as error:
        raise _away(type(error).__name__) from error


def _away(why: str) -> Unavailable:
    return Unavailable(
        f"The bucket of imports cannot be read now ({why}). Try again shortly.",
        code="storage_away",
        retry_after=5,
    )
