"""Milvus killed, hung and back again: an answer in seconds, and no state that outlives the trouble."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from pytest_django import Settings

from jobs.errors import Unavailable
from retrieval.index.store import IndexMissing, VectorStore, connect_store
from tests.conftest import wait_until
from tests.relay import Relay
from tests.retrieval.spaces import DIM, draw_vectors, new_space


@contextmanager
def within(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    waited = time.monotonic() - started
    assert waited < seconds, f"took {waited:.1f} s"


def expect_unavailable(call: Callable[[], object]) -> None:
    with pytest.raises(Unavailable) as away:
        call()
    assert away.value.code == "index_away"
    assert not isinstance(away.value, IndexMissing), "it is away, not lost"
    assert away.value.retry_after > 0


def is_back(store: VectorStore) -> bool:
    try:
        store.check()
    except Unavailable:
        return False
    return True


def test_connect_gives_up_in_seconds_and_tries_again_next_time(milvus_relay: Relay) -> None:
    milvus_relay.cut()
    with within(4):
        expect_unavailable(connect_store)
    milvus_relay.restore()
    wait_until(_connects, "the store connects", 10)
    connect_store().check()


def _connects() -> bool:
    try:
        connect_store()
    except Unavailable:
        return False
    return True


def test_connect_to_a_server_that_says_nothing_gives_up_in_seconds(milvus_relay: Relay) -> None:
    milvus_relay.silence()
    with within(6):
        expect_unavailable(connect_store)


def test_connect_where_nothing_listens_gives_up_in_seconds(settings: Settings) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.MILVUS_URI = f"http://127.0.0.1:{closed.getsockname()[1]}"
    connect_store.cache_clear()
    with within(6):
        expect_unavailable(connect_store)
    connect_store.cache_clear()


def test_connect_from_many_threads_at_once_works(milvus_relay: Relay) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: connect_store(), range(8)))
        list(pool.map(lambda store: store.check(), stores))
    assert connect_store() is connect_store()


@pytest.mark.parametrize("trouble", [Relay.cut, Relay.silence], ids=["killed", "hung"])
def test_every_call_gives_up_in_seconds_and_works_again(
    milvus_relay: Relay, trouble: Callable[[Relay], None]
) -> None:
    store, space, query = connect_store(), new_space(), draw_vectors(1)
    store.ensure_collection(space)
    seen = store.upsert(space, [1], query)
    trouble(milvus_relay)

    calls: list[Callable[[], object]] = [
        lambda: store.search(space, query, limit=1, seen=seen),
        lambda: store.upsert(space, [2], np.ones((1, DIM), dtype=np.float32)),
        lambda: store.delete(space, [1]),
        lambda: store.count(space, seen=seen),
        lambda: store.list_ids(space, low=0, high=9, seen=seen),
        lambda: store.has_collection(space),
        store.list_collections,
        store.check,
    ]
    with within(9), ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(expect_unavailable, calls))

    milvus_relay.restore()
    wait_until(lambda: is_back(store), "the store is back", 10)
    assert store.search(space, query, limit=1, seen=seen)[0][0].region_id == 1
    store.drop_collection(space)


def test_store_is_back_soon_after_a_long_absence(milvus_relay: Relay) -> None:
    """Left to itself, the pause between attempts to connect grows without end."""
    store = connect_store()
    milvus_relay.cut()
    ends = time.monotonic() + 12
    while time.monotonic() < ends:
        expect_unavailable(store.check)
        time.sleep(0.1)
    milvus_relay.restore()
    with within(2.5):
        wait_until(lambda: is_back(store), "the store is back", 30)
