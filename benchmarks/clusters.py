"""Made-up galleries for measurements of the index: clustered unit vectors, in a collection of their own."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jobs.errors import Unavailable
from retrieval.index.parameters import Vectors
from retrieval.index.space import IndexBuild, Space
from retrieval.index.store import Hit, VectorStore

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

K = 10
PER_CLUSTER = 20
QUERIES = 200
# Of a cluster's own length. A query's ten nearest then are mostly of its cluster, and hard to put in order.
_NOISE = 1.0
# Axes grow smaller like this, as the principal axes of an embedder's vectors do.
_DECAY = -0.35
_CHUNK = 50_000
_BATCH = 5000
_TRIES = 5
_SEAL_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Gallery:
    """Vectors (n, dim) and queries (200, dim), unit rows float32, and the ids (200, 10) of the exact nearest.

    A row's number is its id.
    """

    vectors: Floats
    queries: Floats
    nearest: Ids


def draw_gallery(size: int, dim: int, *, seed: int = 0) -> Gallery:
    """A cluster for every 20 vectors; queries are drawn like the vectors, around the same centres."""
    random = np.random.default_rng(seed)
    scale = np.arange(1, dim + 1, dtype=np.float32) ** np.float32(_DECAY)
    centres = random.standard_normal((-(-size // PER_CLUSTER), dim), np.float32) * scale
    vectors = np.empty((size, dim), np.float32)
    for start in range(0, size, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, size))
        vectors[rows] = _scatter(centres[rows % len(centres)], scale, random)
    queries = _scatter(centres[random.integers(len(centres), size=QUERIES)], scale, random)
    return Gallery(vectors, queries, _find_nearest(vectors, queries))


def _scatter(centres: Floats, scale: Floats, random: np.random.Generator) -> Floats:
    """A unit vector around each centre."""
    noise = random.standard_normal(centres.shape, np.float32) * scale
    scattered = centres + np.float32(_NOISE) * noise
    return np.asarray(scattered / np.linalg.norm(scattered, axis=1, keepdims=True), np.float32)


def _find_nearest(vectors: Floats, queries: Floats) -> Ids:
    cosines = queries @ vectors.T
    candidates = np.argpartition(-cosines, K, axis=1)[:, :K]
    return np.asarray(candidates, np.int64)


def measure_recall(found: Sequence[Sequence[Hit]], nearest: Ids) -> float:
    """The share of the exact nearest that was found."""
    hits = sum(
        len({hit.region_id for hit in row} & set(true))
        for row, true in zip(found, nearest.tolist(), strict=True)
    )
    return hits / nearest.size


def describe_space(dim: int, index: IndexBuild) -> Space:
    """A space of its own for such an index, of `dim` floats or bits."""
    binary = index.type.startswith("BIN_")
    return Space(
        tenant_id=uuid.uuid4(),
        gallery_id=uuid.uuid4(),
        model="benchmark",
        dim=dim,
        generation=1,
        stored="binary" if binary else "float",
        index=index,
        metric="HAMMING" if binary else "COSINE",
    )


@contextmanager
def filled_collection(store: VectorStore, space: Space, vectors: Vectors) -> Iterator[Space]:
    """The space's collection, sealed, with the vectors under their row numbers; dropped whatever happens."""
    try:
        store.ensure_collection(space)
        for start in range(0, len(vectors), _BATCH):
            batch = vectors[start : start + _BATCH]
            _write(store, space, range(start, start + len(batch)), batch)
        store.seal(space, timeout_s=_SEAL_TIMEOUT_S)
        yield space
    finally:
        store.drop_collection(space)


def _write(store: VectorStore, space: Space, ids: range, vectors: Vectors) -> None:
    """Write, and again where Milvus is too busy with its segments to answer in time."""
    for left in reversed(range(_TRIES)):
        try:
            store.upsert(space, ids, vectors)
        except Unavailable as error:
            if not left:
                raise
            time.sleep(error.retry_after)
        else:
            return
