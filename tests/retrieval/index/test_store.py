"""The store against the real Milvus."""

import time

import numpy as np
import pytest
from django.conf import settings

from retrieval.index.space import SearchParams, Space
from retrieval.index.store import VectorStore
from tests.retrieval.spaces import DIM, Vectors, connect_elsewhere, draw_vectors, find_ids, new_space


def test_upsert_twice_leaves_one_row_with_the_latest_vector(store: VectorStore, space: Space) -> None:
    first, second = draw_vectors(2)
    store.upsert(space, [7], first[None])
    written = store.upsert(space, [7], second[None])

    hits = store.search(space, second[None], limit=10, seen=written)[0]

    assert [hit.region_id for hit in hits] == [7]
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert store.count(space, seen=None) == 1


def test_search_orders_by_cosine_nearest_first(store: VectorStore, space: Space) -> None:
    vectors, query = draw_vectors(50, seed=1), draw_vectors(1, seed=2)
    written = store.upsert(space, range(50), vectors)

    hits = store.search(space, query, limit=10, seen=written)[0]

    cosines = vectors @ query[0]
    expected = np.argsort(-cosines)[:10]
    assert [hit.region_id for hit in hits] == expected.tolist()
    assert [hit.similarity for hit in hits] == pytest.approx(cosines[expected].tolist(), abs=1e-5)


def test_search_of_several_vectors_equals_single_searches(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, range(30), draw_vectors(30, seed=3))
    queries = draw_vectors(6, seed=4)

    together = store.search(space, queries, limit=5, seen=written)
    singly = [store.search(space, query[None], limit=5, seen=written)[0] for query in queries]

    assert [[hit.region_id for hit in row] for row in together] == [
        [hit.region_id for hit in row] for row in singly
    ]
    assert len({row[0].region_id for row in together}) > 1


def test_write_is_seen_at_once_by_another_client(store: VectorStore, space: Space) -> None:
    elsewhere = connect_elsewhere()
    other = VectorStore(elsewhere, prefix=settings.MILVUS_PREFIX)
    for key in range(15):
        written = store.upsert(space, [key], draw_vectors(1, seed=key))
        assert key in find_ids(other, space, written), f"write {key} was not seen"
    elsewhere.close()


def test_delete_removes_the_named_rows_and_only_those(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, range(5), draw_vectors(5))
    assert find_ids(store, space, written) == {0, 1, 2, 3, 4}

    store.delete(space, [1, 3, 999])
    store.delete(space, [1])

    assert store.count(space, seen=None) == 3
    assert find_ids(store, space, store.upsert(space, [0], draw_vectors(1))) == {0, 2, 4}


def test_delete_of_nothing_and_from_no_collection_is_fine(store: VectorStore, space: Space) -> None:
    store.delete(space, [])
    store.delete(space, [123])
    store.delete(new_space(), [1])
    assert store.count(space, seen=None) == 0


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        (np.zeros((1, DIM + 1), dtype=np.float32), r"shape \(1, 16\), got float32 \(1, 17\)"),
        (np.zeros((2, DIM), dtype=np.float32), r"shape \(1, 16\), got float32 \(2, 16\)"),
        (np.zeros(DIM, dtype=np.float32), r"shape \(1, 16\), got float32 \(16,\)"),
        (np.zeros((1, DIM), dtype=np.float64), "expected float32 .* got float64"),
        (np.zeros((1, DIM), dtype=np.uint8), "expected float32 .* got uint8"),
        (np.full((1, DIM), np.nan, dtype=np.float32), "vector 0 of 1 holds NaN or infinity"),
        (np.full((1, DIM), np.inf, dtype=np.float32), "vector 0 of 1 holds NaN or infinity"),
    ],
    ids=["dims", "rows", "flat", "double", "codes", "nan", "inf"],
)
def test_upsert_refuses_what_would_spoil_the_index(
    store: VectorStore, space: Space, vectors: Vectors, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        store.upsert(space, [1], vectors)
    assert store.count(space, seen=None) == 0


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((1, DIM + 1), dtype=np.float32),
        np.zeros((1, DIM), dtype=np.float64),
        np.full((1, DIM), np.nan, dtype=np.float32),
    ],
    ids=["dims", "double", "nan"],
)
def test_search_refuses_what_cannot_be_a_query(store: VectorStore, space: Space, vectors: Vectors) -> None:
    with pytest.raises(ValueError, match=r"expected float32|holds NaN"):
        store.search(space, vectors, limit=1, seen=0)


def test_search_refuses_a_radius_among_floats(store: VectorStore, space: Space) -> None:
    with pytest.raises(ValueError, match="a radius of 3 means nothing by COSINE"):
        store.search(space, draw_vectors(1), limit=1, seen=0, params=SearchParams(radius=3))


def test_list_ids_gives_the_keys_of_the_stretch_in_order(store: VectorStore, space: Space) -> None:
    keys = [1, 5, 2**40, 2**62]
    written = store.upsert(space, keys[::-1], draw_vectors(4))
    assert store.list_ids(space, low=-(2**63) + 1, high=2**63 - 1, seen=written).tolist() == keys
    assert store.list_ids(space, low=5, high=2**62, seen=written).tolist() == [5, 2**40]
    none = store.list_ids(space, low=6, high=2**40, seen=written)
    assert none.size == 0
    assert none.dtype == np.dtype(np.int64)
    store.delete(space, keys)


def test_count_given_a_timestamp_does_not_wait_for_the_clock(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, range(9), draw_vectors(9))
    assert store.count(space, seen=written) == 9
    started = time.perf_counter()
    for _ in range(10):
        store.count(space, seen=written)
    assert time.perf_counter() - started < 1, "ten strong counts take 2 s or more"


def test_search_of_no_vectors_and_for_more_than_there_are_is_fine(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, range(3), draw_vectors(3))
    assert store.search(space, draw_vectors(0), limit=5, seen=written) == []
    (hits,) = store.search(space, draw_vectors(1), limit=1_000_000, seen=written)
    assert len(hits) == 3
    with pytest.raises(ValueError, match="search for 0"):
        store.search(space, draw_vectors(1), limit=0, seen=written)


def test_search_of_an_empty_collection_finds_nothing(store: VectorStore, space: Space) -> None:
    assert store.search(space, draw_vectors(2), limit=5, seen=None) == [[], []]
