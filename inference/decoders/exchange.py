"""What parent and child say to each other: short messages, and a memory that both see for the bytes.

A message from the child is read as one from a stranger: once it runs a stranger's file, it may be one.
"""

import mmap
import os
import struct
from dataclasses import dataclass
from fcntl import F_ADD_SEALS, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_SHRINK, fcntl

import numpy as np

from inference.errors import ImageRejected
from inference.images import ImageLimits, Picture, Pixels

READY = b"ready"
MESSAGE_BYTES = 4096

_CODES = ("image_empty", "image_unsupported_format", "image_too_large", "image_animated", "image_unreadable")
# Bytes of the file; the limits; the working side, 0 for none; seconds.
_QUESTION = struct.Struct("<QQQQQQd")
_DECODED, _REJECTED, _FAILED = 0, 1, 2
_PIXELS = struct.Struct("<BQQQQ")
_REASON = struct.Struct("<BB")
_CHANNELS = 3


class AnswerBroken(Exception):
    """The child said what no decoder of ours says."""


@dataclass(frozen=True)
class Question:
    """A file of `size` bytes that lies in the memory; `seconds` are what there is for it."""

    size: int
    limits: ImageLimits
    working_side: int | None
    seconds: float

    def pack(self) -> bytes:
        """As bytes."""
        limits = self.limits
        return _QUESTION.pack(
            self.size,
            limits.max_bytes,
            limits.max_pixels,
            limits.max_side,
            limits.max_scans,
            self.working_side or 0,
            self.seconds,
        )

    @classmethod
    def unpack(cls, message: bytes) -> "Question":
        """The reverse of `pack`."""
        size, *limits, working_side, seconds = _QUESTION.unpack(message)
        return cls(size, ImageLimits(*limits), working_side or None, seconds)


def create_memory(limits: ImageLimits) -> int:
    """The descriptor of a memory for any file and any pixels within the limits; pages come as they are used.

    Sealed, since a memory that the child made smaller would end the parent that reads it (SIGBUS).
    """
    descriptor = os.memfd_create("decoded", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, _pixels_at(limits) + limits.max_pixels * _CHANNELS)
    fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
    return descriptor


class SharedMemory:
    """The memory of one child: the file's bytes first, the pixels behind them."""

    def __init__(self, descriptor: int, limits: ImageLimits) -> None:
        self._map = mmap.mmap(descriptor, os.fstat(descriptor).st_size)
        self._at = _pixels_at(limits)
        self._most = limits.max_pixels

    def write_file(self, data: bytes) -> None:
        """Put the file in its place."""
        self._map[: len(data)] = data

    def read_file(self, size: int) -> bytes:
        """The file."""
        return self._map[:size]

    def write_pixels(self, pixels: Pixels) -> None:
        """Put (h, w, 3) in their place. Raises ValueError where there are too many."""
        np.copyto(self._view(*pixels.shape[:2]), pixels)

    def read_pixels(self, height: int, width: int) -> Pixels:
        """A copy of (height, width, 3). Raises ValueError where there is no room for so many."""
        return self._view(height, width).copy()

    def forget(self) -> None:
        """Give the pages back to the machine, and with them what the last sender's picture left."""
        self._map.madvise(mmap.MADV_REMOVE)

    def close(self) -> None:
        """Let the memory go."""
        self._map.close()

    def _view(self, height: int, width: int) -> Pixels:
        if not 0 < height * width <= self._most:
            raise ValueError(f"there is no room for {height} x {width} pixels")
        return np.ndarray((height, width, _CHANNELS), np.uint8, self._map, self._at)


def describe_picture(picture: Picture) -> bytes:
    """The answer to a question whose pixels lie in the memory."""
    return _PIXELS.pack(_DECODED, *picture.pixels.shape[:2], picture.width, picture.height)


def describe_rejection(rejected: ImageRejected) -> bytes:
    """The answer to a question about a picture that cannot be used."""
    return _REASON.pack(_REJECTED, _CODES.index(rejected.code)) + rejected.message.encode()[:2000]


def describe_failure(error: Exception) -> bytes:
    """The answer where decoding failed in a way that nobody foresaw."""
    return bytes([_FAILED]) + repr(error).encode()[:2000]


def read_answer(answer: bytes, memory: SharedMemory, *, limits: ImageLimits) -> Picture:
    """The picture that the answer describes. Raises ImageRejected, AnswerBroken."""
    try:
        if answer[0] == _REJECTED:
            raise _read_rejection(answer)
        if answer[0] == _FAILED:
            raise AnswerBroken(ascii(answer[1:].decode("utf-8", "replace")))
        _, height, width, whole_width, whole_height = _PIXELS.unpack(answer)
        if not (width <= whole_width <= limits.max_side and height <= whole_height <= limits.max_side):
            raise AnswerBroken("the pixels are larger than the picture")
        return Picture(memory.read_pixels(height, width), whole_width, whole_height)
    except (struct.error, IndexError, ValueError) as error:
        raise AnswerBroken(str(error)) from error


def _read_rejection(answer: bytes) -> ImageRejected:
    _, code = _REASON.unpack_from(answer)
    return ImageRejected(_CODES[code], answer[_REASON.size :].decode("utf-8", "replace"))


def _pixels_at(limits: ImageLimits) -> int:
    return -(-limits.max_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
