"""The decoding process with a decoder that does what its picture says: run in place of the product's own."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import inference.images
from inference.decoders import child
from inference.images import Picture

# Pictures so high, in pixels, are acts; their width says which. No metadata would do: it is removed.
ACT_HEIGHT = 7
_read_picture = inference.images._read_picture  # noqa: SLF001 - where a damaged file meets Pillow


def read_hostile(image: Image.Image, **options: Any) -> Picture:
    """As the product, after the picture had its way."""
    width, height = image.size
    if height == ACT_HEIGHT:
        ACTS[list(ACTS)[width - ACT_HEIGHT]]()
    return _read_picture(image, **options)


def _hang() -> None:
    # One call into C that keeps Python's lock, as a decoder that waits for ever would.
    ctypes.PyDLL(None).sleep(600)


def _spin() -> None:
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        pass


def _gorge() -> None:
    np.full(2**28, 1.0)


def _fail() -> None:
    raise StopIteration("nobody foresaw this")


def _lie() -> None:
    setattr(child, "describe_picture", lambda _: b"\0" + (10**4).to_bytes(8, "little") * 4)  # noqa: B010


ACTS: dict[str, Callable[[], object]] = {
    "crash": lambda: ctypes.string_at(0),
    "hang": _hang,
    "spin": _spin,
    "gorge": _gorge,
    "fail": _fail,
    "lie": _lie,
    "be killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "open a file": lambda: Path("/etc/passwd").read_bytes(),
    "leave": lambda: os._exit(3),
}

if __name__ == "__main__":
    inference.images._read_picture = read_hostile  # noqa: SLF001
    child.main()
