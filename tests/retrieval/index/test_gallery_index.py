"""One gallery's index, whatever it is made of, against brute force in numpy."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from inference.binarizer import find_hamming
from retrieval.index.forms import form_of
from retrieval.index.gallery_index import open_index
from retrieval.index.reconciling import reconcile_index
from retrieval.index.rows import list_searched
from retrieval.index.store import Hit, VectorStore
from retrieval.settings.gallery import GallerySettings
from tenants.models import Embedding, Gallery
from tenants.scope import tenant_scope
from tests.retrieval.shelf import Shelf, list_region_ids, open_shelf
from tests.retrieval.stock import (
    Vectors,
    draw_near,
    draw_units,
    load_vectors,
    open_live,
    read_gallery,
    stocked_shelf,
)

BOTH = ["efficientnet_lite2", "efficientnet_lite0"]
PHOTOS = 40


@pytest.fixture(scope="module")
def floats(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, preset="exact") as shelf:
        yield shelf


@pytest.fixture(scope="module")
def codes(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """Of 20 photos, which have no more than 19 axes: codes of 19 bits in 3 bytes."""
    with stocked_shelf(store, 20, representation="binary", projection="pca", dims=32) as shelf:
        yield shelf


@pytest.fixture(scope="module")
def hybrids(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, representation="hybrid", projection="pca", dims=32) as shelf:
        yield shelf


@pytest.fixture(scope="module")
def late(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, preset="exact", embedders=BOTH) as shelf:
        yield shelf


@pytest.fixture(scope="module")
def early(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, preset="exact", embedders=BOTH, fusion="early") as shelf:
        yield shelf


@pytest.fixture
def entered(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """The shelf that the test names, its tenant entered."""
    shelf: Shelf = request.getfixturevalue(request.param)
    with tenant_scope(shelf.tenant.id):
        yield shelf


def on(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entered", names, indirect=True)


def draw_queries(shelf: Shelf, count: int = 6) -> dict[str, Vectors]:
    """Raw vectors near some photos' own."""
    _, raw = load_vectors(shelf)
    return {model: draw_near(rows[:count], 0.7, seed=11) for model, rows in raw.items()}


def mean_cosines(queries: dict[str, Vectors], raw: dict[str, Vectors]) -> Vectors:
    """(queries, photos): the mean over the models, by hand."""
    return np.asarray(np.mean([queries[model] @ raw[model].T for model in raw], axis=0), np.float32)


def list_best(keys: list[int], row: Vectors, count: int) -> list[int]:
    return [keys[place] for place in np.argsort(-row)[:count]]


def ids(rows: list[list[Hit]]) -> list[list[int]]:
    return [[hit.region_id for hit in row] for row in rows]


def similarities(rows: list[list[Hit]]) -> list[list[float]]:
    return [[hit.similarity for hit in row] for row in rows]


@on("floats", "hybrids")
def test_empty_index_gives_empty_rows(entered: Shelf, store: VectorStore) -> None:
    index = open_live(entered)
    keys, vectors = index.load(list_region_ids(entered))
    store.delete(entered.space, keys.tolist())
    assert store.count(entered.space, seen=None) == 0
    assert index.search(vectors[:2], limit=5, wanted=5) == [[], []]
    reconcile_index(entered.index)
    nothing, none = index.load([10**12])
    assert (nothing.shape, none.shape) == ((0,), (0, index.width))


@on("floats", "late", "early", "hybrids", "codes")
def test_no_query_asks_for_nothing(entered: Shelf) -> None:
    index = open_live(entered)
    assert index.search(np.zeros((0, index.width), np.float32), limit=5, wanted=5) == []


@on("floats", "late", "early")
def test_search_equals_the_mean_cosine_of_the_models(entered: Shelf) -> None:
    keys, raw = load_vectors(entered)
    queries = draw_queries(entered)
    index = open_live(entered)

    found = index.search(index.compare(queries), limit=7, wanted=7)

    expected = mean_cosines(queries, raw)
    assert ids(found) == [list_best(keys, row, 7) for row in expected]
    for row, cosines in zip(found, expected, strict=True):
        assert [hit.similarity for hit in row] == pytest.approx(np.sort(cosines)[::-1][:7], abs=1e-4)
        assert {hit.distance for hit in row} == {None}


@on("floats", "late", "early", "hybrids", "codes")
def test_compared_vectors_have_the_cosines_that_a_search_tells(entered: Shelf) -> None:
    index = open_live(entered, hamming_radius=None)
    queries = index.compare(draw_queries(entered))
    keys, vectors = index.load(list_region_ids(entered))
    assert vectors.shape == (len(keys), index.width)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(keys)), abs=1e-4)
    cosines = queries @ vectors.T
    for row, expected in zip(index.search(queries, limit=9, wanted=9), cosines, strict=True):
        places = [keys.tolist().index(hit.region_id) for hit in row]
        assert [hit.similarity for hit in row] == pytest.approx(expected[places], abs=1e-4)


@on("floats", "late", "early", "hybrids", "codes")
def test_more_than_there_are_gives_all_there_are_nearest_first(entered: Shelf) -> None:
    index = open_live(entered)
    everything = list_region_ids(entered)
    for row in index.search(index.compare(draw_queries(entered)), limit=900, wanted=900):
        assert {hit.region_id for hit in row} == everything
        assert [hit.similarity for hit in row] == sorted((hit.similarity for hit in row), reverse=True)


def find_distances(shelf: Shelf, queries: dict[str, Vectors]) -> tuple[list[int], Any]:
    """Keys, and the differing bits (queries, photos), by hand."""
    keys, raw = load_vectors(shelf)
    (index,) = list_searched(read_gallery(shelf))
    form = form_of(index)
    assert form.binarizer is not None
    query_codes, stored = (form.binarizer.encode(form.project(vectors)) for vectors in (queries, raw))
    return keys, find_hamming(query_codes, stored)


@on("codes")
def test_codes_are_found_by_differing_bits_smaller_first(entered: Shelf) -> None:
    queries = draw_queries(entered)
    keys, distances = find_distances(entered, queries)
    index = open_live(entered)
    assert (index.width, entered.index.dim) == (19, 24)

    found = index.search(index.compare(queries), limit=8, wanted=8)

    for row, expected in zip(found, distances, strict=True):
        assert [hit.distance for hit in row] == np.sort(expected)[:8].tolist()
        assert [hit.distance for hit in row] == [expected[keys.index(hit.region_id)] for hit in row]
        assert [hit.similarity for hit in row] == pytest.approx(1 - 2 * np.sort(expected)[:8] / 19)


@on("codes", "hybrids")
def test_radius_includes_its_bound_and_is_left_out_on_request(entered: Shelf) -> None:
    queries = draw_queries(entered)
    keys, distances = find_distances(entered, queries)
    index = open_live(entered)
    compared = index.compare(queries)
    for radius in (0, int(np.median(distances)), int(distances.max())):
        bounded = open_live(entered, hamming_radius=radius)
        assert bounded.radius == radius
        for row, expected in zip(bounded.search(compared, limit=50, wanted=50), distances, strict=True):
            within = {keys[at] for at in np.flatnonzero(expected <= radius)}
            assert {hit.region_id for hit in row} == within
        free = bounded.search(compared, limit=50, wanted=50, bounded=False)
        assert [len(row) for row in free] == [len(keys)] * len(compared)


@on("hybrids")
def test_hybrid_with_a_deep_shortlist_is_exact_and_keeps_the_distances(entered: Shelf) -> None:
    queries = draw_queries(entered)
    keys, distances = find_distances(entered, queries)
    index = open_live(entered, oversample=100)
    compared = index.compare(queries)
    _, vectors = index.load(keys)

    found = index.search(compared, limit=5, wanted=5)

    cosines = compared @ vectors.T
    assert ids(found) == [list_best(keys, row, 5) for row in cosines]
    for row, near, far in zip(found, cosines, distances, strict=True):
        places = [keys.index(hit.region_id) for hit in row]
        assert [hit.similarity for hit in row] == pytest.approx(near[places], abs=1e-5)
        assert [hit.distance for hit in row] == far[places].tolist()


@on("hybrids")
def test_hybrid_rescores_its_shortlist_only(entered: Shelf) -> None:
    queries = draw_queries(entered)
    keys, distances = find_distances(entered, queries)
    index = open_live(entered, oversample=2)
    found = index.search(index.compare(queries), limit=2, wanted=2)
    for row, expected in zip(found, distances, strict=True):
        assert len(row) == 2
        assert [hit.distance for hit in row] == [expected[keys.index(hit.region_id)] for hit in row]
        assert max(hit.distance or 0 for hit in row) <= np.sort(expected)[3]


@on("hybrids")
def test_hybrid_leaves_out_what_postgresql_has_lost_meanwhile(entered: Shelf, store: VectorStore) -> None:
    (index,) = list_searched(read_gallery(entered))
    queries = open_live(entered).compare(draw_queries(entered, 1))
    store.upsert(entered.space, [10**12], form_of(index).store(queries))
    found = open_live(entered).search(queries, limit=3, wanted=3)
    assert 10**12 not in ids(found)[0]
    reconcile_index(index, thorough=True)


@on("floats")
def test_settings_that_are_ahead_of_the_index_do_no_harm(entered: Shelf) -> None:
    """They were changed, and the index that they describe is still being built."""
    index = open_live(entered, preset="compact", hamming_radius=3, oversample=50)
    assert index.radius is None
    queries = index.compare(draw_queries(entered))
    assert ids(index.search(queries, limit=3, wanted=3)) == ids(
        open_live(entered).search(queries, limit=3, wanted=3)
    )


def test_gallery_without_an_index_has_none_to_open(rows: None) -> None:
    shelf = open_shelf("acme", Gallery.State.PROVISIONING)
    with tenant_scope(shelf.tenant.id):
        assert open_index(shelf.gallery, GallerySettings.parse(shelf.gallery.settings).index) is None


@pytest.fixture(scope="module")
def globex(rows: None, store: VectorStore) -> Iterator[Shelf]:
    """Another tenant with photos of its own, none of them near Acme's."""
    with stocked_shelf(store, 3, name="globex", preset="exact") as shelf:
        Embedding.objects.filter(region__image__gallery=shelf.gallery).delete()
        keys = sorted(list_region_ids(shelf))
        rows_of_its_own = draw_units(len(keys), shelf.space.dim, 99)
        Embedding.objects.bulk_create(
            Embedding(
                tenant=shelf.tenant, region_id=key, model="efficientnet_lite2", vector=Embedding.pack(row)
            )
            for key, row in zip(keys, rows_of_its_own, strict=True)
        )
        store.delete(shelf.space, keys)
        reconcile_index(shelf.index)
        yield shelf


@on("floats")
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6), limit=st.integers(1, 60), noise=st.floats(0, 2))
def test_nothing_of_acme_is_found_by_globex_though_it_is_nearest(
    entered: Shelf, globex: Shelf, seed: int, limit: int, noise: float
) -> None:
    acme_keys, raw = load_vectors(entered)
    with tenant_scope(globex.tenant.id):
        index = open_live(globex)
        queries = {model: draw_near(rows, noise, seed) for model, rows in raw.items()}
        found = index.search(index.compare(queries), limit=limit, wanted=limit)
        own = list_region_ids(globex)
        assert {len(row) for row in found} == {min(limit, len(own))}
        assert {hit.region_id for row in found for hit in row} <= own
        assert not set(acme_keys) & own
        keys, _ = index.load(acme_keys)
        assert not len(keys), "nor are its vectors read from PostgreSQL"
