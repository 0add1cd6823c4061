"""Compressed bytes into bytes, in steps of bounded size, so that a bomb never gets to go off."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

# Bytes read at once, and most bytes made at once.
PIECE = 64 * 1024
STEP = 256 * 1024
# What `xz -9` needs is 65 MiB; a header can ask for 4 GiB.
_XZ_MEMORY = 128 * 2**20
_RAW = -15
_GZIP = 31


class Undecodable(Exception):
    """The compressed bytes are broken; says how, for a sentence."""


class Decompressor(Protocol):
    """One compressed member, as bz2 and lzma read it."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be made of what was given."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given and lies behind the member's end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` more bytes."""
        ...


class Deflate:
    """zlib's reader in the manner of those of bz2 and lzma. wbits: as zlib has it."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be made of what was given."""
        return not self._inner.unconsumed_tail and not self._full

    @property
    def unused_data(self) -> bytes:
        """What was given and lies behind the member's end."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` more bytes."""
        made = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._full = len(made) == max_length
        return made


def open_deflate() -> Decompressor:
    """Deflate without a wrapper, as in ZIP."""
    return Deflate(_RAW)


def open_gzip() -> Decompressor:
    """Deflate with gzip's header, and its CRC checked."""
    return Deflate(_GZIP)


def open_bzip2() -> Decompressor:
    """A member of bzip2."""
    return bz2.BZ2Decompressor()


def open_xz() -> Decompressor:
    """A stream of xz."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def inflate(pieces: Iterator[bytes], open_member: Callable[[], Decompressor]) -> Iterator[bytes]:
    """Uncompressed chunks of at most `STEP` bytes of all members, one after the other. Raises `Undecodable`.

    Zeros behind a member are padding, as xz says and tapes do; anything else there is another member.
    """
    data = next(pieces, b"")
    while data:
        member = open_member()
        while not member.eof:
            if member.needs_input and not data:
                data = next(pieces, b"")
                if not data:
                    raise Undecodable("it ends too early")
            made = _decompress(member, data)
            data = b""
            if made:
                yield made
        data = _skip_padding(member.unused_data, pieces)


def _decompress(member: Decompressor, data: bytes) -> bytes:
    try:
        return member.decompress(data, STEP)
    except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:  # bz2 raises OSError
        raise Undecodable(f"its compressed data is broken ({error})") from error


def _skip_padding(data: bytes, pieces: Iterator[bytes]) -> bytes:
    left = data.lstrip(b"\0")
    while not left:
        piece = next(pieces, b"")
        if not piece:
            return b""
        left = piece.lstrip(b"\0")
    return left
