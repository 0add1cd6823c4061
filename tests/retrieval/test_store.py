"""The store against the real Milvus."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from django.conf import settings
from pymilvus import MilvusClient

from jobs.errors import Unavailable
from retrieval.space import Space
from retrieval.store import VectorStore

DIM = 16
Vectors = npt.NDArray[np.float32]


def new_space() -> Space:
    return Space(tenant_id=uuid.uuid4(), gallery_id=uuid.uuid4(), model="tiny", dim=DIM, generation=1)


def draw_vectors(count: int, seed: int = 0) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)
    normed: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return normed


@pytest.fixture(scope="module")
def made_space(store: VectorStore) -> Iterator[Space]:
    made = new_space()
    store.ensure_collection(made)
    yield made
    store.drop_collection(made)


@pytest.fixture
def space(store: VectorStore, made_space: Space) -> Iterator[Space]:
    """A collection that is empty again afterwards."""
    yield made_space
    store.delete(made_space, range(1000))


def find_ids(store: VectorStore, space: Space, seen: int) -> set[int]:
    hits = store.search(space, draw_vectors(1), limit=100, seen=seen)[0]
    return {hit.region_id for hit in hits}


def test_upsert_twice_leaves_one_row_with_the_latest_vector(store: VectorStore, space: Space) -> None:
    first, second = draw_vectors(2)
    store.upsert(space, [7], first[None])
    written = store.upsert(space, [7], second[None])

    hits = store.search(space, second[None], limit=10, seen=written)[0]

    assert [hit.region_id for hit in hits] == [7]
    assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    assert store.count(space) == 1


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
    elsewhere = MilvusClient(
        uri=settings.MILVUS_URI, token=settings.MILVUS_TOKEN, timeout=5.0, dedicated=True
    )
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

    assert store.count(space) == 3
    assert find_ids(store, space, store.upsert(space, [0], draw_vectors(1))) == {0, 2, 4}


def test_delete_of_nothing_and_from_no_collection_is_fine(store: VectorStore, space: Space) -> None:
    store.delete(space, [])
    store.delete(space, [123])
    store.delete(new_space(), [1])
    assert store.count(space) == 0


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((1, DIM + 1), dtype=np.float32),
        np.zeros((2, DIM), dtype=np.float32),
        np.full((1, DIM), np.nan, dtype=np.float32),
        np.full((1, DIM), np.inf, dtype=np.float32),
    ],
    ids=["dims", "rows", "nan", "inf"],
)
def test_upsert_refuses_what_would_spoil_the_index(
    store: VectorStore, space: Space, vectors: Vectors
) -> None:
    with pytest.raises(ValueError, match="finite vectors of 16"):
        store.upsert(space, [1], vectors)
    assert store.count(space) == 0


def test_search_of_a_missing_collection_is_unavailable(store: VectorStore) -> None:
    with pytest.raises(Unavailable) as away:
        store.search(new_space(), draw_vectors(1), limit=1, seen=0)
    assert away.value.code == "index_away"


def test_ensure_collection_again_keeps_what_is_there(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, [1, 2], draw_vectors(2))
    store.ensure_collection(space)
    assert find_ids(store, space, written) == {1, 2}


def test_alias_goes_over_to_the_next_generation_and_drop_is_idempotent(store: VectorStore) -> None:
    old = new_space()
    new = replace(old, generation=2)
    store.ensure_collection(old)
    store.upsert(old, [1], draw_vectors(1))
    store.ensure_collection(new)
    written = store.upsert(new, [2], draw_vectors(1))
    assert find_ids(store, new, written) == {2}

    store.drop_collection(old)
    store.drop_collection(old)
    assert find_ids(store, new, written) == {2}

    store.drop_collection(new)
    assert not store.has_collection(old)
    assert not store.has_collection(new)


def test_search_finds_rows_of_the_asked_space_only(store: VectorStore) -> None:
    """The very same vectors under overlapping ids in two tenants and two galleries: any could leak."""
    acme = new_space()
    spaces = [acme, replace(acme, gallery_id=uuid.uuid4()), replace(acme, tenant_id=uuid.uuid4())]
    shared = draw_vectors(10)
    for number, space in enumerate(spaces):
        store.ensure_collection(space)
        store.upsert(space, range(5), shared[:5])
        store.upsert(space, [100 * (number + 1) + k for k in range(5)], shared[5:])

    for number, space in enumerate(spaces):
        own = {0, 1, 2, 3, 4} | {100 * (number + 1) + k for k in range(5)}
        seen = store.upsert(space, [0], shared[:1])
        for row in store.search(space, shared, limit=100, seen=seen):
            assert {hit.region_id for hit in row} == own

    store.delete(spaces[0], range(5))
    assert [store.count(space) for space in spaces] == [5, 10, 10]
    store.drop_collection(spaces[0])
    assert [store.count(space) for space in spaces[1:]] == [10, 10]
    for space in spaces[1:]:
        store.drop_collection(space)
