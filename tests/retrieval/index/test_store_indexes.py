"""Every type of index, on rows that are sealed, so that searches really go through it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pytest

from retrieval.index.space import IndexBuild, Metric, SearchParams, Space
from retrieval.index.store import Hit, VectorStore
from tests.retrieval.spaces import (
    count_differing_bits,
    draw_codes,
    draw_vectors,
    drop_together,
    new_binary_space,
    new_space,
)

ROWS, DIM, BITS, K = 3000, 32, 64, 10
LISTS = (("nlist", 32),)


@dataclass(frozen=True)
class Kind:
    """A type of index, how it is searched here, and the recall@10 that it must reach."""

    index: IndexBuild
    params: SearchParams = field(default_factory=SearchParams)
    recall: float = 1.0
    rows: int = ROWS
    metric: Metric = "COSINE"

    @property
    def binary(self) -> bool:
        return self.index.type.startswith("BIN_")

    @property
    def built(self) -> bool:
        """Whether Milvus builds anything: not of few rows, nor where the index is the vectors themselves."""
        return self.rows >= 1024 and self.index.type not in ("FLAT", "BIN_FLAT")


KINDS = {
    "flat": Kind(IndexBuild("FLAT")),
    "flat_ip": Kind(IndexBuild("FLAT"), metric="IP"),
    "ivf_flat": Kind(IndexBuild("IVF_FLAT", LISTS), SearchParams(nprobe=16), 0.9),
    "ivf_flat_whole": Kind(IndexBuild("IVF_FLAT", LISTS), SearchParams(nprobe=1000)),
    "ivf_sq8": Kind(IndexBuild("IVF_SQ8", LISTS), SearchParams(nprobe=16), 0.85),
    "hnsw": Kind(IndexBuild("HNSW", (("M", 16), ("efConstruction", 200))), SearchParams(ef=100), 0.95),
    "bin_flat": Kind(IndexBuild("BIN_FLAT")),
    "bin_ivf_flat": Kind(IndexBuild("BIN_IVF_FLAT", LISTS), SearchParams(nprobe=16), 0.75),
    # Fewer rows than inverted lists: with an index of them, and so few that none is built.
    "ivf_few": Kind(IndexBuild("IVF_FLAT", (("nlist", 4096),)), SearchParams(nprobe=4096), rows=1500),
    "ivf_handful": Kind(IndexBuild("IVF_SQ8", (("nlist", 1024),)), SearchParams(nprobe=16), rows=5),
    "bin_ivf_few": Kind(IndexBuild("BIN_IVF_FLAT", (("nlist", 4096),)), SearchParams(nprobe=4096), rows=1500),
}


@dataclass(frozen=True)
class Filled:
    """A sealed collection and what is in it: the row's number is its key."""

    store: VectorStore
    kind: Kind
    space: Space
    vectors: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    seen: int

    def search(
        self, queries: npt.NDArray[np.float32] | npt.NDArray[np.uint8], limit: int = K
    ) -> list[list[Hit]]:
        """As the kind is searched."""
        return self.store.search(self.space, queries, limit=limit, seen=self.seen, params=self.kind.params)

    def draw_queries(self, count: int) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
        """Queries that are not stored."""
        return draw_codes(count, BITS, 9) if self.kind.binary else draw_vectors(count, 9, DIM)

    def score(self, queries: npt.NDArray[np.float32] | npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """The true similarity of each query to each row, by brute force."""
        if self.kind.binary:
            return (
                1 - 2 * count_differing_bits(queries.astype(np.uint8), self.vectors.astype(np.uint8)) / BITS
            )
        return np.asarray(queries @ self.vectors.T, np.float64)


def fill(store: VectorStore, kind: Kind) -> Filled:
    if kind.binary:
        space = new_binary_space(BITS, kind.index)
        vectors: npt.NDArray[np.float32] | npt.NDArray[np.uint8] = draw_codes(kind.rows, BITS)
    else:
        space = replace(new_space(DIM), index=kind.index, metric=kind.metric)
        vectors = draw_vectors(kind.rows, dim=DIM)
    store.ensure_collection(space)
    seen = store.upsert(space, range(kind.rows), vectors)
    store.seal(space, timeout_s=60)
    return Filled(store, kind, space, vectors, seen)


@pytest.fixture(scope="module")
def shelves(store: VectorStore) -> Iterator[dict[str, Filled]]:
    """All of them at once: each waits some 12 s for its index."""
    with ThreadPoolExecutor(len(KINDS)) as pool:
        filled = dict(zip(KINDS, pool.map(lambda kind: fill(store, kind), KINDS.values()), strict=True))
    yield filled
    drop_together(store, [one.space for one in filled.values()])


@pytest.fixture(params=list(KINDS))
def filled(request: pytest.FixtureRequest, shelves: dict[str, Filled]) -> Filled:
    return shelves[request.param]


def test_index_is_built_of_what_is_sealed(filled: Filled) -> None:
    client, name = filled.store._client, filled.store._name(filled.space)  # noqa: SLF001 - the server's own word
    assert client.describe_index(name, "vector")["index_type"] == filled.kind.index.type
    segments = client.list_loaded_segments(name)
    assert sum(segment.num_rows for segment in segments) == filled.kind.rows
    if filled.kind.built:
        assert {segment.index_name for segment in segments} == {"vector"}


def test_search_finds_the_nearest_nearest_first(filled: Filled) -> None:
    queries = filled.draw_queries(50)
    scores = filled.score(queries)
    limit = min(K, filled.kind.rows)
    found = filled.search(queries)
    worst = np.sort(scores, axis=1)[:, -limit]
    hit = [sum(scores[n, h.region_id] >= worst[n] - 1e-6 for h in hits) for n, hits in enumerate(found)]
    assert np.sum(hit) / (50 * limit) >= filled.kind.recall

    for number, hits in enumerate(found):
        assert len(hits) == limit
        order = [(-hit.similarity, hit.region_id) for hit in hits]
        assert order == sorted(order)
        true = scores[number, [hit.region_id for hit in hits]]
        tolerance = 0.02 if filled.kind.index.type == "IVF_SQ8" else 1e-5
        assert [hit.similarity for hit in hits] == pytest.approx(true.tolist(), abs=tolerance)


def test_search_for_more_than_there_is_ends_with_the_farthest(filled: Filled) -> None:
    queries = filled.draw_queries(1)
    (hits,) = filled.search(queries, limit=filled.kind.rows + 500)
    if filled.kind.recall == 1:
        scores = filled.score(queries)[0]
        assert {hit.region_id for hit in hits} == set(range(filled.kind.rows))
        assert hits[-1].similarity == pytest.approx(scores.min(), abs=0.02)
        assert hits[0].similarity == pytest.approx(scores.max(), abs=0.02)
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)


def test_deleted_rows_are_neither_found_nor_counted(filled: Filled) -> None:
    """And one that is written again is found in its new place only."""
    keys = list(range(0, filled.kind.rows, 3))
    filled.store.delete(filled.space, keys)
    try:
        assert filled.store.count(filled.space, seen=None) == filled.kind.rows - len(keys)
        kept = sorted(set(range(filled.kind.rows)) - set(keys))
        held = filled.store.list_ids(filled.space, low=0, high=filled.kind.rows, seen=filled.seen)
        assert held.tolist() == kept
        for hits in filled.search(filled.vectors[keys[:50]]):
            assert hits
            assert not {hit.region_id for hit in hits} & set(keys)

        moved = filled.store.upsert(filled.space, [keys[0]], filled.vectors[kept[:1]])
        (hits,) = filled.store.search(
            filled.space, filled.vectors[kept[:1]], limit=2, seen=moved, params=filled.kind.params
        )
        assert [hit.region_id for hit in hits] == [keys[0], kept[0]]
    finally:
        filled.store.upsert(filled.space, keys, filled.vectors[keys])
    assert filled.store.count(filled.space, seen=None) == filled.kind.rows
