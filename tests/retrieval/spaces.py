"""Spaces that no other test uses, and vectors to put there."""

import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from django.conf import settings
from pymilvus import MilvusClient

from retrieval.index.space import IndexBuild, Space
from retrieval.index.store import VectorStore

DIM = 16
Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]


def new_space(dim: int = DIM) -> Space:
    """A space of floats of its own tenant and gallery."""
    return Space(tenant_id=uuid.uuid4(), gallery_id=uuid.uuid4(), model="tiny", dim=dim, generation=1)


def new_binary_space(bits: int, index: IndexBuild) -> Space:
    """A space of codes of its own tenant and gallery."""
    return Space(
        tenant_id=uuid.uuid4(),
        gallery_id=uuid.uuid4(),
        model="tiny",
        dim=bits,
        generation=1,
        stored="binary",
        index=index,
        metric="HAMMING",
    )


def draw_vectors(count: int, seed: int = 0, dim: int = DIM) -> Vectors:
    """Unit vectors, in all directions alike."""
    drawn = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    normed: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return normed


def draw_codes(count: int, bits: int, seed: int = 0) -> Codes:
    """Codes whose bits are 1 as often as not."""
    return np.random.default_rng(seed).integers(0, 256, (count, bits // 8), dtype=np.uint8)


def count_differing_bits(queries: Codes, codes: Codes) -> npt.NDArray[np.int64]:
    """Hamming distances, one by one: (n queries, n codes)."""
    bits = np.unpackbits(queries[:, None] ^ codes[None], axis=2)
    return np.asarray(bits.sum(axis=2), np.int64)


def ensure_together(store: VectorStore, spaces: Iterable[Space]) -> None:
    """Make the collections at once, since each takes seconds."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.ensure_collection, spaces))


def drop_together(store: VectorStore, spaces: Iterable[Space]) -> None:
    """Drop the collections."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store.drop_collection, spaces))


def connect_elsewhere() -> MilvusClient:
    """A second connection, as another process would have."""
    return MilvusClient(uri=settings.MILVUS_URI, token=settings.MILVUS_TOKEN, timeout=5.0, dedicated=True)


def find_ids(store: VectorStore, space: Space, seen: int) -> set[int]:
    """The keys of what a search finds that sees writes up to `seen`."""
    hits = store.search(space, draw_vectors(1), limit=100, seen=seen)[0]
    return {hit.region_id for hit in hits}
