"""Codes: the distance is the number of differing bits, smaller is nearer, a radius includes its bound."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from retrieval.index.space import IndexBuild, SearchParams, Space
from retrieval.index.store import VectorStore
from tests.retrieval.spaces import (
    Codes,
    count_differing_bits,
    draw_codes,
    drop_together,
    new_binary_space,
)

BITS, ROWS = 32, 1500


INDEXES = {
    "BIN_FLAT": IndexBuild("BIN_FLAT"),
    "BIN_IVF_FLAT": IndexBuild("BIN_IVF_FLAT", (("nlist", 16),)),
}


@pytest.fixture(scope="module")
def filled(store: VectorStore) -> Iterator[dict[str, Space]]:
    """Half of the rows are sealed, the other half were just written: both kinds of segment are searched."""
    spaces = {name: new_binary_space(BITS, index) for name, index in INDEXES.items()}
    with ThreadPoolExecutor(len(spaces)) as pool:
        list(pool.map(lambda space: fill(store, space), spaces.values()))
    yield spaces
    drop_together(store, spaces.values())


def fill(store: VectorStore, space: Space) -> None:
    store.ensure_collection(space)
    codes = draw_codes(2 * ROWS, BITS)
    store.upsert(space, range(ROWS), codes[:ROWS])
    store.seal(space, timeout_s=60)
    store.upsert(space, range(ROWS, 2 * ROWS), codes[ROWS:])


@pytest.fixture(params=list(INDEXES))
def space(request: pytest.FixtureRequest, filled: dict[str, Space]) -> Space:
    return filled[request.param]


def find(
    store: VectorStore, space: Space, query: Codes, limit: int, radius: int | None
) -> list[tuple[int, int]]:
    params = SearchParams(nprobe=16, radius=radius)
    (hits,) = store.search(space, query, limit=limit, seen=None, params=params)
    return [(hit.distance if hit.distance is not None else -1, hit.region_id) for hit in hits]


def expect(query: Codes, radius: int) -> list[tuple[int, int]]:
    distances = count_differing_bits(query, draw_codes(2 * ROWS, BITS))[0]
    return sorted((int(distances[key]), int(key)) for key in np.flatnonzero(distances <= radius))


@pytest.mark.parametrize("radius", [0, 1, 7, 8, 9, 12, 16, BITS - 1, BITS, BITS + 8])
def test_radius_keeps_exactly_what_is_no_farther(store: VectorStore, space: Space, radius: int) -> None:
    stored = draw_codes(1, BITS)
    assert find(store, space, stored, 4 * ROWS, radius) == expect(stored, radius)
    other = draw_codes(1, BITS, seed=5)
    assert find(store, space, other, 4 * ROWS, radius) == expect(other, radius)


def test_radius_and_limit_keep_the_nearest_of_those(store: VectorStore, space: Space) -> None:
    query = draw_codes(1, BITS, seed=6)
    inside = expect(query, 12)
    assert len(inside) > 40
    found = find(store, space, query, 40, 12)
    assert [distance for distance, _ in found] == [distance for distance, _ in inside[:40]]
    assert set(found) <= set(inside)
    assert found == sorted(found)


def test_distance_and_similarity_say_the_same(store: VectorStore, space: Space) -> None:
    """The code itself comes first, its opposite would come last."""
    code = draw_codes(1, BITS)
    store.upsert(space, [99_999], ~code)
    (hits,) = store.search(space, code, limit=4 * ROWS, seen=None, params=SearchParams(nprobe=16))
    assert (hits[0].region_id, hits[0].distance, hits[0].similarity) == (0, 0, 1.0)
    assert (hits[-1].region_id, hits[-1].distance, hits[-1].similarity) == (99_999, BITS, -1.0)
    signs = np.unpackbits(draw_codes(2 * ROWS, BITS), axis=1) * 2.0 - 1
    cosines = signs @ signs[0] / BITS
    for hit in hits[:-1]:
        assert hit.similarity == pytest.approx(cosines[hit.region_id])
        assert hit.similarity == 1 - 2 * (hit.distance or 0) / BITS
    store.delete(space, [99_999])


def test_codes_of_another_length_or_type_are_refused(store: VectorStore, space: Space) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 vectors of shape \(1, 4\), got uint8 \(1, 5\)"):
        store.upsert(space, [1], np.zeros((1, 5), np.uint8))
    with pytest.raises(ValueError, match=r"expected uint8 vectors of shape \(1, 4\), got float32 \(1, 4\)"):
        store.upsert(space, [1], np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match=r"expected uint8 vectors of shape \(n, 4\), got float32 \(1, 32\)"):
        store.search(space, np.zeros((1, BITS), np.float32), limit=1, seen=0)


def test_negative_radius_is_refused(store: VectorStore, space: Space) -> None:
    with pytest.raises(ValueError, match="a radius of -1 means nothing"):
        store.search(space, draw_codes(1, BITS), limit=1, seen=0, params=SearchParams(radius=-1))
