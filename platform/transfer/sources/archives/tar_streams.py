"""The bytes of a tar, whether it is compressed or not."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from transfer.sources.archives.entries import make_damaged, make_too_large
from transfer.sources.archives.inflating import PIECE, STEP, Decompressor, Undecodable, inflate
from transfer.sources.archives.limits import ArchiveLimits


class TarStream(Protocol):
    """Uncompressed bytes by offset."""

    def start_entry(self, name: str) -> None:
        """Say whose bytes are read from here on."""
        ...

    def seek(self, offset: int) -> None:
        """Go to this byte; behind the end nothing is read."""
        ...

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end only."""
        ...


class PlainStream:
    """A tar that is not compressed: any byte is found at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = file.seek(0, io.SEEK_END)

    def start_entry(self, name: str) -> None:
        """Nothing to watch: each byte made is a byte of the file."""

    def seek(self, offset: int) -> None:
        """Go to this byte."""
        self._file.seek(min(offset, self._end))

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end only."""
        return self._file.read(size)


class InflatedStream:
    """A compressed tar, read in one direction: going back begins again at the start of the file.

    Raises `SourceRefused`: `archive_damaged`, and `archive_too_large` as soon as what was really made is over
    the limits.
    """

    def __init__(
        self, file: BinaryIO, open_member: Callable[[], Decompressor], limits: ArchiveLimits
    ) -> None:
        self._file = file
        self._open_member = open_member
        self._limits = limits
        self._entry = ""
        self._rewind()

    def detach(self) -> None:
        """Let go of the file; the stream rests at its byte until it gets the same file again."""
        self._file = io.BytesIO()

    def attach(self, file: BinaryIO) -> None:
        """Go on with the file, which must be what it was."""
        self._file = file
        file.seek(self._eaten)

    def start_entry(self, name: str) -> None:
        """What is made from here on counts for this entry."""
        self._entry = name
        self._made_before, self._eaten_before = self._made, self._eaten

    def seek(self, offset: int) -> None:
        """Go to this byte by reading up to it."""
        if self._broken or offset < self._position:
            self._rewind()
        while self._position < offset and self._take(offset - self._position):
            pass

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end only."""
        parts = []
        while size and (part := self._take(size)):
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _rewind(self) -> None:
        self._file.seek(0)
        self._chunks = inflate(self._read_pieces(), self._open_member)
        self._left = memoryview(b"")
        self._position = self._made = self._eaten = 0
        self._made_before = self._eaten_before = 0
        self._broken = False

    def _read_pieces(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            self._eaten += len(piece)
            yield piece

    def _take(self, most: int) -> memoryview:
        if not self._left:
            self._left = memoryview(self._inflate_next())
        part, self._left = self._left[:most], self._left[most:]
        self._position += len(part)
        return part

    def _inflate_next(self) -> bytes:
        # An iterator that failed looks like one that ended, so whoever reads on (the storage was away, say)
        # must begin again.
        self._broken = True
        try:
            chunk = next(self._chunks, b"")
        except Undecodable as error:
            raise make_damaged(self._entry, str(error)) from error
        self._made += len(chunk)
        self._check_made()
        self._broken = False
        return chunk

    def _check_made(self) -> None:
        limits = self._limits
        if self._made > limits.total_bytes + STEP:
            raise make_too_large(
                self._entry, f"unpacked, the archive is larger than {limits.total_bytes} bytes"
            )
        # A piece may have been eaten ahead, and belongs to the next entry then.
        entry = (self._made - self._made_before, self._eaten - self._eaten_before + PIECE)
        for made, eaten in (entry, (self._made, self._eaten)):
            if made > limits.ratio_from and made > limits.ratio * eaten:
                raise make_too_large(self._entry, f"it unpacks to more than {limits.ratio} times its size")
