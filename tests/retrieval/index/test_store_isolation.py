"""A search answers from the space it was asked in: never another tenant's, gallery's or generation's."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.index.space import Space
from retrieval.index.store import VectorStore
from tests.retrieval.spaces import draw_vectors, drop_together, ensure_together, new_space

ROWS = 40


@dataclass(frozen=True)
class Street:
    """Spaces that differ in one part of their name each, all with the very same vectors."""

    store: VectorStore
    spaces: list[Space]
    seen: int

    def own(self, number: int) -> set[int]:
        """The keys of a space: the first half are the same in all."""
        return set(range(ROWS // 2)) | {1000 * (number + 1) + k for k in range(ROWS // 2)}


@pytest.fixture(scope="module")
def street(store: VectorStore) -> Iterator[Street]:
    """Two tenants; one has a second gallery, and a second generation of the first."""
    acme = new_space()
    spaces = [
        acme,
        replace(acme, tenant_id=uuid.uuid4()),
        replace(acme, gallery_id=uuid.uuid4()),
        replace(acme, generation=2),
    ]
    ensure_together(store, spaces)
    made = Street(store, spaces, 0)
    for number, space in enumerate(spaces):
        seen = store.upsert(space, sorted(made.own(number)), draw_vectors(ROWS))
    yield replace(made, seen=seen)
    drop_together(store, spaces)


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 3),
    limit=st.integers(1, 3 * ROWS),
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(1, 4),
    stored=st.booleans(),
)
def test_every_hit_belongs_to_the_space_that_was_asked(
    street: Street, number: int, limit: int, seed: int, queries: int, *, stored: bool
) -> None:
    vectors = draw_vectors(ROWS)[:queries] if stored else draw_vectors(queries, seed)
    found = street.store.search(street.spaces[number], vectors, limit=limit, seen=street.seen)
    for hits in found:
        keys = [hit.region_id for hit in hits]
        assert len(keys) == len(set(keys)) == min(limit, ROWS)
        assert set(keys) <= street.own(number)


def test_reads_and_deletions_keep_to_their_space(street: Street) -> None:
    shared = list(range(ROWS // 2))
    street.store.delete(street.spaces[0], shared)
    counts = [street.store.count(space, seen=None) for space in street.spaces]
    assert counts == [ROWS // 2, ROWS, ROWS, ROWS]
    for number, space in enumerate(street.spaces[1:], start=1):
        held = street.store.list_ids(space, low=0, high=2**62, seen=street.seen)
        assert set(held.tolist()) == street.own(number)
    street.store.upsert(street.spaces[0], shared, draw_vectors(ROWS)[: len(shared)].astype(np.float32))
    street.store.drop_collection(replace(street.spaces[0], generation=9))
    assert street.store.count(street.spaces[0], seen=None) == ROWS
