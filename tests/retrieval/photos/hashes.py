"""Rows of photos with given dHashes, for tests that look at nothing else of them."""

import uuid
from collections.abc import Iterable, Sequence

import numpy as np

from tenants.models import Gallery, Product, ReferenceImage


def add_hashed(gallery: Gallery, product: Product, hashes: Iterable[int]) -> list[ReferenceImage]:
    """Indexed photos of the product with these dHashes, without files."""
    return ReferenceImage.objects.bulk_create(
        ReferenceImage(
            tenant_id=gallery.tenant_id,
            gallery=gallery,
            product=product,
            filename="a.png",
            file="none",
            size=1,
            sha256=uuid.uuid4().hex * 2,
            state=ReferenceImage.State.INDEXED,
            dhash=dhash,
        )
        for dhash in hashes
    )


def draw_hashes(count: int, *, seed: int) -> list[int]:
    """Signed 64-bit numbers, any of them."""
    random = np.random.default_rng(seed)
    return [int(value) for value in random.integers(-(2**63), 2**63 - 1, count)]


def flip_bits(dhash: int, bits: Sequence[int]) -> int:
    """The hash with these bits changed, signed again."""
    unsigned = dhash % 2**64
    for bit in bits:
        unsigned ^= 1 << bit
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned
