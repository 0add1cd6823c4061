"""Collections made, lost, found half made and dropped, in the real Milvus."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from jobs.errors import Unavailable
from retrieval.index.parameters import make_index, make_schema
from retrieval.index.space import IndexBuild, Space
from retrieval.index.store import IndexMissing, VectorStore
from tests.retrieval.spaces import connect_elsewhere, draw_vectors, find_ids, new_space


def test_ensure_collection_again_keeps_what_is_there(store: VectorStore, space: Space) -> None:
    written = store.upsert(space, [1, 2], draw_vectors(2))
    store.ensure_collection(space)
    assert find_ids(store, space, written) == {1, 2}


def test_generations_lie_side_by_side_and_drop_is_idempotent(store: VectorStore) -> None:
    old = new_space()
    new = replace(old, generation=2)
    for number, space in enumerate([old, new], start=1):
        store.ensure_collection(space)
        written = store.upsert(space, [number], draw_vectors(1))
    assert find_ids(store, old, written) == {1}
    assert find_ids(store, new, written) == {2}

    store.drop_collection(old)
    store.drop_collection(old)
    assert not store.has_collection(old)
    assert find_ids(store, new, written) == {2}
    store.drop_collection(new)


def test_drop_takes_aliases_of_an_earlier_version_with_it(store: VectorStore) -> None:
    space = new_space()
    store.ensure_collection(space)
    client, alias = store._client, settings.MILVUS_PREFIX + "t_old_alias"  # noqa: SLF001 - aliases are gone
    client.create_alias(settings.MILVUS_PREFIX + space.collection, alias)

    store.drop_collection(space)

    assert not store.has_collection(space)
    assert not client.has_collection(alias)


@pytest.mark.parametrize("done", ["created", "indexed"])
def test_ensure_collection_killed_half_way_is_resumed(store: VectorStore, done: str) -> None:
    space = new_space()
    client, name = store._client, settings.MILVUS_PREFIX + space.collection  # noqa: SLF001 - half of its work
    client.create_collection(name, schema=make_schema(space), num_shards=1)
    if done == "indexed":
        client.create_index(name, make_index(space))

    store.ensure_collection(space)

    assert find_ids(store, space, store.upsert(space, [1], draw_vectors(1))) == {1}
    store.drop_collection(space)


def test_ensure_collection_at_once_in_threads_makes_one(store: VectorStore) -> None:
    space = new_space()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.ensure_collection(space), range(4)))
    assert find_ids(store, space, store.upsert(space, [1], draw_vectors(1))) == {1}
    store.drop_collection(space)


def test_every_call_on_a_collection_that_is_lost_says_so(store: VectorStore) -> None:
    """Dropped by somebody else: this client still holds its schema."""
    space = new_space()
    store.ensure_collection(space)
    written = store.upsert(space, [1], draw_vectors(1))
    elsewhere = connect_elsewhere()
    VectorStore(elsewhere, prefix=settings.MILVUS_PREFIX).drop_collection(space)
    elsewhere.close()

    calls: list[Callable[[], object]] = [
        lambda: store.search(space, draw_vectors(1), limit=1, seen=written),
        lambda: store.upsert(space, [1], draw_vectors(1)),
        lambda: store.count(space, seen=written),
        lambda: store.list_ids(space, low=0, high=10, seen=None),
        lambda: store.seal(space),
    ]
    for call in calls:
        with pytest.raises(IndexMissing) as missing:
            call()
        assert (missing.value.code, missing.value.retry_after) == ("index_away", 5)
    store.delete(space, [1])
    store.drop_collection(space)


def test_collection_that_is_lost_and_made_again_is_usable(store: VectorStore) -> None:
    space = new_space()
    store.ensure_collection(space)
    store.upsert(space, [1], draw_vectors(1))
    elsewhere = connect_elsewhere()
    other = VectorStore(elsewhere, prefix=settings.MILVUS_PREFIX)
    other.drop_collection(space)
    other.ensure_collection(space)
    elsewhere.close()
    assert find_ids(store, space, store.upsert(space, [2], draw_vectors(1))) == {2}
    store.drop_collection(space)


def test_collection_that_is_not_loaded_is_to_be_waited_on(store: VectorStore, space: Space) -> None:
    """As in a server that is starting; a rebuild would be the wrong answer."""
    store._client.release_collection(settings.MILVUS_PREFIX + space.collection)  # noqa: SLF001 - to be so
    with pytest.raises(Unavailable) as away:
        store.count(space, seen=0)
    assert not isinstance(away.value, IndexMissing)
    store.ensure_collection(space)
    assert store.count(space, seen=0) == 0


def test_list_collections_names_those_of_this_prefix_only(store: VectorStore, made_space: Space) -> None:
    assert made_space.collection in store.list_collections()
    other = VectorStore(store._client)  # noqa: SLF001 - the same server, as another installation
    assert made_space.collection not in other.list_collections()


def test_drop_named_refuses_what_vitrine_did_not_name(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="no collection of Vitrine"):
        store.drop_named("somebody_elses")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"index": IndexBuild("BIN_FLAT")}, "BIN_FLAT by COSINE cannot hold float"),
        ({"stored": "binary"}, "HNSW by COSINE cannot hold binary"),
        ({"metric": "HAMMING"}, "HNSW by HAMMING cannot hold float"),
        ({"dim": 0}, "0 is no length"),
        (
            {"stored": "binary", "metric": "HAMMING", "index": IndexBuild("BIN_FLAT"), "dim": 12},
            "12 is no length",
        ),
    ],
)
def test_space_refuses_what_no_collection_can_be(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        replace(new_space(), **fields)
