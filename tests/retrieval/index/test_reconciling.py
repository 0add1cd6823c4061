"""PostgreSQL is the truth: where Milvus differs it is mended, and what was amiss is told."""

from collections.abc import Iterator

import numpy as np
import pytest

from retrieval.index import reconciling
from retrieval.index.reconciling import Drift, compare_index, reconcile_index
from retrieval.index.store import IndexMissing, VectorStore
from tenants.domain.images import delete_image
from tenants.models import Embedding, Gallery, ReferenceImage, Region, VectorIndex
from tests.retrieval.moments import act_after, act_before, once
from tests.retrieval.shelf import Shelf, list_region_ids
from tests.retrieval.stock import (
    Vectors,
    add_products,
    add_stock,
    assert_whole,
    draw_units,
    open_live,
    read_gallery,
    stocked_shelf,
)

PHOTOS = 30
EMBEDDER = "efficientnet_lite2"
ORPHANS = [10**12 + number for number in range(3)]


@pytest.fixture(scope="module")
def made(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, PHOTOS, preset="exact", embedders=[EMBEDDER]) as shelf:
        yield shelf


@pytest.fixture(params=[False, True], ids=["quick", "thorough"])
def thorough(request: pytest.FixtureRequest) -> bool:
    found: bool = request.param
    return found


def list_keys(shelf: Shelf) -> list[int]:
    return sorted(list_region_ids(shelf))


def add_orphans(shelf: Shelf, store: VectorStore) -> None:
    store.upsert(shelf.space, ORPHANS, draw_units(len(ORPHANS), shelf.space.dim, 9))


def read_drift(shelf: Shelf) -> tuple[int, int]:
    index = shelf.index
    return index.missing, index.orphans


def test_index_that_agrees_is_left_alone(
    made: Shelf,
    store: VectorStore,
    monkeypatch: pytest.MonkeyPatch,
    thorough: bool,  # noqa: FBT001
) -> None:
    VectorIndex.objects.filter(pk=made.index.pk).update(checked_at=None, missing=7, orphans=7)
    writes: list[str] = []
    for name in ("upsert", "delete"):
        act_before(monkeypatch, VectorStore, name, lambda: writes.append("write"))
    assert not reconcile_index(made.index, thorough=thorough)
    assert writes == []
    assert read_drift(made) == (0, 0)
    assert made.index.checked_at is not None


def test_missing_rows_are_written_and_orphans_deleted(
    made: Shelf,
    store: VectorStore,
    thorough: bool,  # noqa: FBT001
) -> None:
    keys = list_keys(made)
    store.delete(made.space, keys[3:8])
    add_orphans(made, store)

    drift = reconcile_index(made.index, thorough=thorough)

    assert drift == Drift(tuple(keys[3:8]), tuple(ORPHANS))
    assert read_drift(made) == (5, 3)
    assert_whole(made, store)
    index = open_live(made)
    _, vectors = index.load(keys[3:8])
    assert [row[0].region_id for row in index.search(vectors, limit=1, wanted=1)] == keys[3:8], "seen at once"


@pytest.mark.parametrize("amiss", ["missing", "orphans"])
def test_one_kind_of_fault_is_mended(made: Shelf, store: VectorStore, amiss: str) -> None:
    if amiss == "missing":
        store.delete(made.space, list_keys(made)[:1])
    else:
        add_orphans(made, store)
    drift = reconcile_index(made.index)
    assert (len(drift.missing), len(drift.orphans)) == ((1, 0) if amiss == "missing" else (0, 3))
    assert_whole(made, store)


def test_faults_that_even_out_in_number_are_found_by_sample(made: Shelf, store: VectorStore) -> None:
    """As many orphans as missing rows: the counts agree."""
    keys = list_keys(made)
    store.delete(made.space, keys[:3])
    add_orphans(made, store)
    drift = reconcile_index(made.index)
    assert drift == Drift(tuple(keys[:3]), tuple(ORPHANS))
    assert_whole(made, store)


def test_large_gallery_is_compared_by_other_samples_each_time(
    made: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing row that an orphan hides from the count is not found at once, but in the end."""
    monkeypatch.setattr(reconciling, "_SAMPLES", 2)
    monkeypatch.setattr(reconciling, "_SAMPLE", 6)
    keys = list_keys(made)
    store.delete(made.space, keys[15:16])
    store.upsert(made.space, ORPHANS[:1], draw_units(1, made.space.dim, 9))
    found = next(drift for _ in range(100) if (drift := reconcile_index(made.index)))
    assert found == Drift((keys[15],), (ORPHANS[0],))
    assert_whole(made, store)


def test_keys_are_compared_in_stretches_that_leave_none_out(
    made: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "_CHUNK", 7)
    keys = list_keys(made)
    store.delete(made.space, keys[::6])
    odd = [-(2**62), 0, *ORPHANS, 2**62]
    store.upsert(made.space, odd, draw_units(len(odd), made.space.dim, 9))
    drift = compare_index(made.index, thorough=True)
    assert drift.missing == tuple(keys[::6])
    assert sorted(drift.orphans) == sorted(odd)
    reconcile_index(made.index)
    assert_whole(made, store)


def test_photos_on_their_way_are_no_faults(
    made: Shelf,
    store: VectorStore,
    thorough: bool,  # noqa: FBT001
) -> None:
    """One has its vector in the index and no mark yet, one is seen by another model only."""
    (product,) = add_products(made.gallery, 1)
    rows = draw_units(1, made.space.dim, 50)
    (on_its_way,) = add_stock(made.gallery, {EMBEDDER: rows}, products=[product], state="pending")
    (unseen,) = add_stock(made.gallery, {"other": rows}, products=[product])
    store.upsert(made.space, [on_its_way.region.pk], rows)

    assert not reconcile_index(made.index, thorough=thorough)

    assert on_its_way.region.pk in store.list_ids(made.space, low=0, high=2**62, seen=None)
    ReferenceImage.objects.filter(pk__in=[on_its_way.image.pk, unseen.image.pk]).delete()
    assert reconcile_index(made.index, thorough=True).orphans == (on_its_way.region.pk,)


def test_photos_indexed_and_deleted_between_the_two_looks_are_no_faults(
    made: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL was read; then one photo comes and another goes, in both; then Milvus is read."""
    products = add_products(made.gallery, 2)
    rows = draw_units(2, made.space.dim, 60)
    (doomed,) = add_stock(made.gallery, {EMBEDDER: rows[:1]}, products=products[:1])
    reconcile_index(made.index)
    late = []

    def change() -> None:
        late.extend(add_stock(made.gallery, {EMBEDDER: rows[1:]}, products=products[1:]))
        store.upsert(made.space, [late[0].region.pk], rows[1:])
        store.delete(made.space, [doomed.region.pk])
        ReferenceImage.objects.filter(pk=doomed.image.pk).delete()

    act_after(monkeypatch, reconciling, "list_regions", once(change))
    reconcile_index(made.index, thorough=True)

    assert_whole(made, store)
    assert set(list_keys(made)) >= {late[0].region.pk}


def test_photo_deleted_while_it_is_mended_does_not_stay(
    made: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (doomed,) = add_stock(
        made.gallery, {EMBEDDER: draw_units(1, made.space.dim, 70)}, products=add_products(made.gallery, 1)
    )
    act_before(monkeypatch, VectorStore, "upsert", once(lambda: delete_image(image=doomed.image)))
    assert reconcile_index(made.index).missing == (doomed.region.pk,)
    assert_whole(made, store)


def test_mended_rows_are_seen_by_the_next_search_and_time_does_not_go_back(
    made: Shelf, store: VectorStore
) -> None:
    before = read_gallery(made).index_timestamp
    store.delete(made.space, list_keys(made)[:2])
    reconcile_index(made.index)
    after = read_gallery(made).index_timestamp
    assert after > before
    reconcile_index(made.index)
    assert read_gallery(made).index_timestamp == after


def test_collection_that_is_lost_is_told_as_such(
    made: Shelf,
    store: VectorStore,
    thorough: bool,  # noqa: FBT001
) -> None:
    nowhere = VectorIndex.objects.get(pk=made.index.pk)
    nowhere.model = "nowhere"
    with pytest.raises(IndexMissing):
        reconcile_index(nowhere, thorough=thorough)


def test_augmented_index_is_filled_and_mended_with_augmented_vectors(rows: None, store: VectorStore) -> None:
    """Of two products with three photos each, a photo is drawn to those that are like it."""
    with stocked_shelf(store, 0, preset="exact", embedders=[EMBEDDER], dba=2) as shelf:
        dim = shelf.space.dim
        centres = np.repeat(draw_units(2, dim, 0), 3, axis=0)
        vectors = centres + 0.8 * draw_units(6, dim, 1)
        vectors = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
        photos = add_stock(
            shelf.gallery,
            {EMBEDDER: vectors},
            products=[product for product in add_products(shelf.gallery, 2) for _ in range(3)],
        )
        keys = [photo.region.pk for photo in photos]
        raw = Embedding.unpack_all([Embedding.pack(row) for row in vectors])
        expected = {key: augment_by_hand(raw, at, k=2) for at, key in enumerate(keys)}

        reconcile_index(shelf.index)
        assert_holds(shelf, store, expected)

        store.delete(shelf.space, keys[1:2])
        reconcile_index(shelf.index)
        assert_holds(shelf, store, expected)

        # One more comes alone: averaged with its neighbours that are there, which stay as they were.
        late = draw_units(1, dim, 2) * 0.5 + raw[:1]
        late = np.asarray(late / np.linalg.norm(late), np.float32)
        (photo,) = add_stock(shelf.gallery, {EMBEDDER: late}, products=[photos[0].product])
        reconcile_index(shelf.index)
        everything = np.concatenate([raw, Embedding.unpack_all([Embedding.pack(late[0])])])
        assert_holds(shelf, store, {**expected, photo.region.pk: augment_by_hand(everything, 6, k=2)})


def augment_by_hand(vectors: Vectors, at: int, k: int) -> Vectors:
    cosines = vectors @ vectors[at]
    others = [place for place in np.argsort(-cosines) if place != at][:k]
    total = vectors[at] + sum(max(cosines[place], 0) ** 3 * vectors[place] for place in others)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def assert_holds(shelf: Shelf, store: VectorStore, expected: dict[int, Vectors]) -> None:
    seen = Gallery.objects.get(pk=shelf.gallery.pk).index_timestamp
    queries = np.stack(list(expected.values()))
    found = store.search(shelf.space, queries, limit=1, seen=seen)
    assert [row[0].region_id for row in found] == list(expected)
    assert [row[0].similarity for row in found] == pytest.approx([1.0] * len(expected), abs=1e-4)
    assert Region.objects.filter(pk__in=expected).count() == len(expected)
