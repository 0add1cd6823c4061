"""Vectors of three shops, in one Milvus: a search answers with the asking shop's, whatever lies nearer."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.analysers import embedder_dim
from retrieval.index.store import VectorStore
from retrieval.matches import load_matches
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, drop_collections_of, open_shelf
from tests.retrieval.spaces import ensure_together
from tests.retrieval.stock import Vectors, add_products, add_stock, draw_near, draw_units

ROWS = 12
NUMBERS = st.integers(0, 2)
SEEDS = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Stall:
    """A shop's gallery, its regions' keys, and their vectors."""

    shelf: Shelf
    keys: list[int]
    vectors: Vectors
    seen: int


@dataclass(frozen=True)
class Market:
    """The shops. owners: whose each region is, as PostgreSQL has it."""

    store: VectorStore
    stalls: list[Stall]
    owners: dict[int, UUID]

    def find_owners(self, stall: Stall, queries: Vectors, limit: int) -> list[list[UUID]]:
        """Whose the hits are that the shop gets for each query, nearest first."""
        found = self.store.search(stall.shelf.space, queries, limit=limit, seen=stall.seen)
        return [[self.owners[hit.region_id] for hit in hits] for hits in found]


def open_stall(store: VectorStore, shelf: Shelf, seed: int) -> Stall:
    (model,) = shelf.index.embedders
    vectors = draw_units(ROWS, embedder_dim(model), seed)
    with tenant_scope(shelf.tenant.id):
        photos = add_stock(shelf.gallery, {model: vectors}, products=add_products(shelf.gallery, ROWS))
    keys = [photo.region.id for photo in photos]
    return Stall(shelf, keys, vectors, store.upsert(shelf.space, keys, vectors))


@pytest.fixture(scope="module")
def market(rows: None, store: VectorStore) -> Iterator[Market]:
    shelves = [open_shelf(name) for name in ("acme", "globex", "initech")]
    ensure_together(store, [shelf.space for shelf in shelves])
    stalls = [open_stall(store, shelf, seed) for seed, shelf in enumerate(shelves)]
    yield Market(store, stalls, {key: stall.shelf.tenant.id for stall in stalls for key in stall.keys})
    for shelf in shelves:
        drop_collections_of(shelf, store)


@settings(max_examples=40, deadline=None)
@given(shops=st.tuples(NUMBERS, NUMBERS), noise=st.floats(0, 2), seed=SEEDS, limit=st.integers(1, 3 * ROWS))
def test_every_hit_is_the_asking_shops_although_anothers_is_nearer(
    market: Market, shops: tuple[int, int], noise: float, seed: int, limit: int
) -> None:
    stall, bait = (market.stalls[number] for number in shops)
    queries = draw_near(bait.vectors[:3], noise, seed)
    for owners in market.find_owners(stall, queries, limit):
        assert owners == [stall.shelf.tenant.id] * min(limit, ROWS)


def test_what_is_nearest_is_found_by_the_shop_that_has_it(market: Market) -> None:
    """The bait is good: were there one collection for all, the test above would meet it at every step."""
    for stall in market.stalls:
        found = market.store.search(stall.shelf.space, stall.vectors, limit=1, seen=stall.seen)
        assert [hits[0].region_id for hits in found] == stall.keys
        others = np.concatenate([other.vectors for other in market.stalls if other is not stall])
        assert (stall.vectors @ others.T).max() < found[0][0].similarity - 0.1


def test_anothers_vectors_in_ones_own_collection_are_shown_to_nobody(market: Market) -> None:
    """Were Milvus ever wrong, PostgreSQL would still not say what those regions are."""
    acme, globex, _ = market.stalls
    seen = market.store.upsert(acme.shelf.space, globex.keys, globex.vectors)
    try:
        hits = market.store.search(acme.shelf.space, globex.vectors, limit=2 * ROWS, seen=seen)
        assert [row[0].region_id for row in hits] == globex.keys
        with tenant_scope(acme.shelf.tenant.id):
            for row in load_matches(acme.shelf.gallery, hits):
                assert sorted(match.region_key for match in row) == acme.keys
            assert load_matches(globex.shelf.gallery, hits) == [[]] * ROWS
    finally:
        market.store.delete(acme.shelf.space, globex.keys)
