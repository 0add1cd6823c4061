"""TAR, plain or compressed, entry by entry."""

from collections.abc import Iterator

from transfer.sources.archives.entries import Entry, Ledger, make_damaged, make_too_large
from transfer.sources.archives.inflating import STEP
from transfer.sources.archives.limits import ArchiveLimits
from transfer.sources.archives.tar_headers import read_header
from transfer.sources.archives.tar_streams import TarStream


class TarReader:
    """An `ArchiveReader`. A place is `<offset>:<size>:<name>`, in bytes of the uncompressed tar."""

    def __init__(self, stream: TarStream, limits: ArchiveLimits) -> None:
        self._stream = stream
        self._limits = limits

    def list_entries(self) -> Iterator[Entry]:
        """All files in the order of the tar, which is the order in which they are best read."""
        ledger = Ledger(self._limits)
        name, offset = "", 0
        while (header := read_header(self._stream, offset, name)) is not None:
            name = ledger.admit(header.name, size=header.size, folder=header.folder)
            self._stream.start_entry(name)
            if not header.folder:
                yield Entry(name, header.size, f"{header.offset}:{header.size}:{name}")
            offset = header.next_offset
        self._check_rest(name)

    def read_chunks(self, place: str, *, limit: int) -> Iterator[bytes]:
        """The file piece by piece."""
        offset, size, name = place.split(":", 2)
        left = int(size)
        if left > limit:
            raise make_too_large(name, f"it has {left} bytes, and may have {limit}")
        self._stream.seek(int(offset))
        self._stream.start_entry(name)
        while left:
            chunk = self._stream.read(min(left, STEP))
            if not chunk:
                raise make_damaged(name, "it ends in the middle of this entry")
            left -= len(chunk)
            yield chunk

    def _check_rest(self, last: str) -> None:
        """Zeros only, up to the end; so a compressed tar's last checksum is compared, too."""
        while block := self._stream.read(STEP):
            if block.count(0) != len(block):
                raise make_damaged(last, "something follows the end mark")
