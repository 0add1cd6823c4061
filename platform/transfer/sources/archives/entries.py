"""What an archive holds, whatever kind of archive it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from transfer.errors import SourceRefused
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.names import clean_name, show_name


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive. name: as `clean_name` leaves it. size: bytes, uncompressed, as its header says.

    place: how the reader finds it again, without listing the archive.
    """

    name: str
    size: int
    place: str


class ArchiveReader(Protocol):
    """An open archive. One thing at a time: what was started before the last call has ended by then."""

    def list_entries(self) -> Iterator[Entry]:
        """All files in the order in which they are best read, checked as far as the listing can.

        Between two of them `read_chunks` may be asked for the first. Raises `SourceRefused`.
        """
        ...

    def read_chunks(self, place: str, *, limit: int) -> Iterator[bytes]:
        """The file piece by piece, checked to the end when the iterator ends.

        Raises `SourceRefused`: `archive_damaged`, `archive_too_large` where it has more than `limit` bytes.
        """
        ...


class Ledger:
    """What of an archive was seen so far, held against its limits. Raises `SourceRefused`."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._entries = 0
        self._bytes = 0
        self._name_bytes = 0
        self._names: set[str] = set()

    def admit(self, name: str, *, size: int, folder: bool) -> str:
        """Count an entry; answers its clean name."""
        cleaned = clean_name(name)
        self._entries += 1
        self._bytes += size
        self._name_bytes += len(name.encode())
        self._check_counts(name)
        if not folder:
            self._check_single(cleaned)
        return cleaned

    def _check_counts(self, name: str) -> None:
        limits = self._limits
        if self._entries > limits.entries:
            raise make_too_large(name, f"the archive has more than {limits.entries} entries")
        if self._bytes > limits.total_bytes:
            raise make_too_large(name, f"unpacked, the archive is larger than {limits.total_bytes} bytes")
        if self._name_bytes > limits.names_bytes:
            raise make_too_large(name, f"the names of its entries make more than {limits.names_bytes} bytes")

    def _check_single(self, name: str) -> None:
        if not name or name in self._names:
            reason = "appears twice" if name else "has no name"
            raise SourceRefused(f"The entry {show_name(name)} {reason}.", code="archive_unsafe")
        self._names.add(name)


def make_damaged(name: str, reason: str) -> SourceRefused:
    """The refusal of an archive that is broken at this entry; "" where no entry is known."""
    where = f"at the entry {show_name(name)}" if name else "before its first entry"
    return SourceRefused(
        f"The archive is damaged {where}: {reason}. Pack it anew, or send it again.", code="archive_damaged"
    )


def make_too_large(name: str, reason: str) -> SourceRefused:
    """The refusal of an archive that is over a limit with this entry; "" where it is the whole."""
    where = f"At the entry {show_name(name)}" if name else "The archive is too large"
    return SourceRefused(f"{where}: {reason}.", code="archive_too_large")
