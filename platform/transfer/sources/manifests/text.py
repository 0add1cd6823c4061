"""The text of a manifest, in whichever encoding a shop's program wrote it."""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

_BLOCK_BYTES: Final = 64 * 1024
_MARKS: Final = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16-LE", codecs.BOM_UTF16_BE: "UTF-16-BE"}
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_PROPER: Final = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")
_DAMAGED: Final = re.compile("[\ud800-\udfff]")
_WINDOWS: Final = "Windows-1252"


class ManifestText:
    """The decoded text of a file, in blocks, read once from where the file stands and never whole.

    A byte order mark decides. Without one it is UTF-16 where the first two characters are plain letters of
    two bytes, else UTF-8, else Windows-1252, which is decided on the first block that is not plain ASCII: up
    to there all three are the same. What cannot be decoded stays in the text as halves of surrogate pairs,
    for `describe_damage` to find, so that it spoils its own row only.

    encoding: its name, for people; final once the text was read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.encoding = "UTF-8"

    def __iter__(self) -> Iterator[str]:
        first = self._read_block()
        for mark, encoding in _MARKS.items():
            if first.startswith(mark):
                return self._decode(encoding, first[len(mark) :])
        if wide := _find_wide(first):
            return self._decode(wide, first)
        return self._decode_unmarked(first)

    def describe_damage(self, text: str) -> str | None:
        """What in a piece of this text could not be decoded, for people; None where all could."""
        found = _DAMAGED.search(text)
        if found is None:
            return None
        if self.encoding.startswith("UTF-16"):
            return f"half a character, so it is damaged or not {self.encoding}"
        return f"the byte 0x{ord(found.group()) - 0xDC00:02X}, which is not {self.encoding}; save it as UTF-8"

    def _decode_unmarked(self, block: bytes) -> Iterator[str]:
        while block.isascii():
            if not block:
                return
            yield block.decode("ascii")
            block = self._read_block()
        more = self._read_block()
        yield from self._decode(_judge(block + more, final=not more), block + more)

    def _decode(self, encoding: str, block: bytes) -> Iterator[str]:
        self.encoding = encoding
        wide = encoding.startswith("UTF-16")
        decoder = codecs.getincrementaldecoder(encoding)("surrogatepass" if wide else "surrogateescape")
        while block:
            yield decoder.decode(block)
            block = self._read_block()
        if decoder.getstate()[0]:
            # A character cut off at the end; the UTF-16 decoder raises where the others escape.
            yield "\udfff" if wide else decoder.decode(b"", final=True)

    def _read_block(self) -> bytes:
        """A full block, unless the file ends; raw files may give less than is asked for."""
        parts: list[bytes] = []
        missing = _BLOCK_BYTES
        while missing and (part := self._file.read(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _find_wide(start: bytes) -> str | None:
    """UTF-16 by its first two characters, as in RFC 4627, section 3; None where they do not say so."""
    zeros = [byte == 0 for byte in start[:4]]
    if zeros == [False, True, False, True]:
        return "UTF-16-LE"
    if zeros == [True, False, True, False]:
        return "UTF-16-BE"
    return None


def _judge(sample: bytes, *, final: bool) -> str:
    """UTF-8 where most of what is not ASCII is valid in it: a damaged file stays what it is."""
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample, final=final)
    valid, invalid = len(_PROPER.findall(text)), len(_ESCAPED.findall(text))
    return "UTF-8" if valid >= invalid else _WINDOWS
