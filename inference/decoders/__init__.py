"""Decoding in child processes: what a stranger's file does to a decoder, it does to a process of its own."""

from inference.decoders.pool import DecoderPool, DecodersAway
from inference.decoders.process import DecoderOptions

__all__ = ["DecoderOptions", "DecoderPool", "DecodersAway"]
