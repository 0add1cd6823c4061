"""Strangers' photos into pixels: always in a process apart (inference.decoders), never in this one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings

from inference.decoders import DecoderOptions, DecoderPool, DecodersAway
from inference.images import Picture
from jobs.errors import Unavailable


def decode_photo(data: bytes) -> Picture:
    """The photo for the models. Raises `ImageRejected`, and `Unavailable` where no decoder can be had."""
    with _missing_decoders():
        return open_decoders(os.getpid()).decode(data)


def start_decoders(processes: int) -> None:
    """Start so many beforehand, so that no caller waits for it. Raises `Unavailable`."""
    with _missing_decoders():
        open_decoders(os.getpid()).start(processes)


@cache
def open_decoders(_pid: int) -> DecoderPool:
    """The decoders of this process: one that was forked off must not talk to its parent's."""
    return DecoderPool(
        DecoderOptions(
            processes=settings.DECODE_PROCESSES,
            seconds=settings.DECODE_TIMEOUT_S,
            memory_mib=settings.DECODE_MEMORY_MIB,
        )
    )


@contextmanager
def _missing_decoders() -> Iterator[None]:
    try:
        yield
    except DecodersAway as away:
        raise Unavailable(str(away), code=away.code, retry_after=2) from away
