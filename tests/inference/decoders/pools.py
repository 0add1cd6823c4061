"""Pools for the tests, and pictures that tell the hostile decoder what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from inference.decoders import DecoderOptions, DecoderPool
from tests.inference.decoders.hostile_child import ACT_HEIGHT, ACTS
from tests.inference.pictures import draw_corners, encode

HOSTILE = "tests.inference.decoders.hostile_child"
SECONDS = 3.0


@contextmanager
def open_pool(**options: Any) -> Iterator[DecoderPool]:
    """A pool that is closed in the end; one process and the hostile decoder unless said otherwise."""
    said = {"processes": 1, "module": HOSTILE, "seconds": SECONDS, **options}
    pool = DecoderPool(DecoderOptions(**said))
    try:
        yield pool
    finally:
        pool.close()


def draw_act(act: str) -> bytes:
    """A good picture, but for what the hostile decoder does over it."""
    width = ACT_HEIGHT + list(ACTS).index(act)
    return encode(draw_corners(width, ACT_HEIGHT), "PNG")
