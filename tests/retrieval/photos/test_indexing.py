"""From `pending` to `indexed`, interrupted and doubled in every way a worker can be."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone

from jobs.errors import Unavailable
from jobs.turn import Turn
from retrieval.index.store import VectorStore, connect_store
from retrieval.photos import leases, publishing
from retrieval.photos.indexing import index_pending
from retrieval.photos.publishing import publish_images
from tenants.domain.images import delete_image
from tenants.models import Embedding, Gallery, ReferenceImage, Region
from tenants.scope import tenant_scope
from tests.conftest import wait_until
from tests.relay import Relay
from tests.retrieval.gate import Gate
from tests.retrieval.moments import act_after
from tests.retrieval.shelf import (
    Shelf,
    add_bytes,
    add_photos,
    cleared,
    list_region_ids,
    list_states,
    open_shelf,
    run_together,
)


@pytest.fixture
def acme_shelf(shelf: Shelf, store: VectorStore) -> Iterator[Shelf]:
    """The module's shelf, empty in PostgreSQL and in Milvus."""
    with cleared(shelf):
        store.delete(shelf.space, list(find_indexed(shelf, store)))
        yield shelf


def find_indexed(shelf: Shelf, store: VectorStore) -> set[int]:
    """Every key that the index holds now, as searches see it."""
    seen = Gallery.objects.values_list("index_timestamp", flat=True).get(pk=shelf.gallery.pk)
    query = np.ones((1, shelf.space.dim), dtype=np.float32)
    return {hit.region_id for hit in store.search(shelf.space, query, limit=1000, seen=seen)[0]}


def assert_consistent(shelf: Shelf, store: VectorStore) -> None:
    """PostgreSQL and Milvus hold the very same regions, each once, each with its vector."""
    regions = list_region_ids(shelf)
    assert store.count(shelf.space, seen=None) == len(regions)
    assert find_indexed(shelf, store) == regions
    assert Embedding.objects.filter(region__in=regions).count() == len(regions)


def expire_leases(shelf: Shelf) -> None:
    past = timezone.now() - timedelta(seconds=1)
    held = ReferenceImage.objects.filter(gallery=shelf.gallery, leased_until__isnull=False)
    held.update(leased_until=past)


def stored_path(image: ReferenceImage) -> Path:
    return Path(settings.MEDIA_ROOT) / image.file


def test_index_pending_leaves_each_photo_indexed_and_findable(acme_shelf: Shelf, store: VectorStore) -> None:
    images = add_photos(acme_shelf, 1, 2, 3)

    assert index_pending(Turn(30, 30)) is False

    assert list_states(images) == ["indexed"] * 3
    assert_consistent(acme_shelf, store)
    image = ReferenceImage.objects.get(pk=images[0].pk)
    assert (image.width, image.height, image.leased_until) == (320, 320, None)
    assert image.indexed_at is not None


def test_index_vectors_are_those_of_postgresql(acme_shelf: Shelf, store: VectorStore) -> None:
    add_photos(acme_shelf, 4)
    index_pending(Turn(30, 30))

    embedding = Embedding.objects.get(region__image__gallery=acme_shelf.gallery)
    vector = Embedding.unpack(embedding.vector)
    seen = Gallery.objects.get(pk=acme_shelf.gallery.pk).index_timestamp
    (hit,) = store.search(acme_shelf.space, vector[None], limit=1, seen=seen)[0]

    assert hit.region_id == embedding.region_id
    assert hit.similarity == pytest.approx(1.0, abs=1e-5)


def test_index_pending_stops_when_its_time_is_up_and_says_so(acme_shelf: Shelf) -> None:
    images = add_photos(acme_shelf, *range(10, 10 + settings.INDEX_BATCH + 1))

    assert index_pending(Turn(0, 0)) is True
    assert list_states(images).count("indexed") == settings.INDEX_BATCH
    assert index_pending(Turn(0, 0)) is False


def test_index_pending_in_threads_at_once_gives_one_set_of_regions(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = add_photos(acme_shelf, *range(20, 28))
    monkeypatch.setattr(settings, "INDEX_BATCH", 2)
    gate = Gate(monkeypatch)

    run_together(acme_shelf, *[lambda: index_pending(Turn(60, 60))] * 3)

    assert list_states(images) == ["indexed"] * 8
    assert gate.photos == 8
    assert Region.objects.filter(image__in=images).values("image").distinct().count() == 8
    assert_consistent(acme_shelf, store)


def test_worker_that_was_overtaken_spoils_nothing(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ran out while it was in the models; another worker indexed the photos meanwhile."""
    images = add_photos(acme_shelf, 31, 32)
    overtaken: list[bool] = []

    def overtake() -> None:
        if not overtaken:
            overtaken.append(True)
            expire_leases(acme_shelf)
            assert index_pending(Turn(60, 60)) is False
            assert list_states(images) == ["indexed"] * 2

    Gate(monkeypatch, overtake)
    index_pending(Turn(30, 30))

    assert overtaken
    assert list_states(images) == ["indexed"] * 2
    assert_consistent(acme_shelf, store)


def test_lease_is_renewed_while_photos_are_in_the_models(
    acme_shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_photos(acme_shelf, 33)
    monkeypatch.setattr("retrieval.photos.holding.RENEW_EVERY_S", 0.05)

    def starve() -> None:
        expire_leases(acme_shelf)
        wait_until(lambda: not leases.list_free().exists(), "the lease is renewed", 10)

    gate = Gate(monkeypatch, starve)
    index_pending(Turn(30, 30))
    assert gate.photos == 1


def test_photo_deleted_while_in_the_models_leaves_nothing(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, deleted = add_photos(acme_shelf, 41, 42)
    Gate(monkeypatch, lambda: delete_image(image=deleted))

    index_pending(Turn(30, 30))

    assert list_states([kept]) == ["indexed"]
    assert not Region.objects.filter(image=deleted).exists()
    assert_consistent(acme_shelf, store)


def test_photo_deleted_before_it_is_published_leaves_nothing_in_the_index(
    acme_shelf: Shelf, store: VectorStore, milvus_relay: Relay
) -> None:
    """Its regions are stored, its vectors are on their way: the index must not keep them."""
    kept, deleted = interrupt_before_publishing(acme_shelf, milvus_relay, 43, 44)
    image_ids = [kept.pk, deleted.pk]
    held = list(ReferenceImage.objects.filter(pk__in=image_ids).select_related("gallery").order_by("pk"))
    delete_image(image=deleted)

    publish_images(acme_shelf.gallery, held)

    assert list_states([kept]) == ["indexed"]
    # Waits for every deletion, so that the search after it sees them.
    assert store.count(acme_shelf.space, seen=None) == 1
    assert find_indexed(acme_shelf, store) == set(
        Region.objects.filter(image=kept).values_list("id", flat=True)
    )


def test_gallery_gone_before_its_photos_are_marked_ends_quietly(
    store: VectorStore, rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_shelf("acme")
    store.ensure_collection(shelf.space)
    with tenant_scope(shelf.tenant.id):
        (image,) = add_photos(shelf, 47)
        space = shelf.space
        removed: list[object] = []

        def remove_gallery() -> None:
            removed.append(Gallery.objects.filter(pk=shelf.gallery.pk).delete())

        act_after(monkeypatch, publishing, "_write_to", remove_gallery)
        index_pending(Turn(30, 30))

        assert len(removed) == 1
        assert not ReferenceImage.objects.filter(pk=image.pk).exists()
    store.drop_collection(space)


def interrupt_before_publishing(shelf: Shelf, relay: Relay, *seeds: int) -> list[ReferenceImage]:
    """Photos whose regions are stored while Milvus was away, so that none of them is indexed."""
    images = add_photos(shelf, *seeds)
    relay.cut()
    with pytest.raises(Unavailable):
        index_pending(Turn(30, 30))
    assert Region.objects.filter(image__in=images).values("image").distinct().count() == len(seeds)
    relay.restore()
    wait_until(milvus_is_back, "Milvus is back", 10)
    return images


def milvus_is_back() -> bool:
    try:
        connect_store().check()
    except Unavailable:
        return False
    return True


def test_milvus_away_leaves_photos_pending_and_blameless_and_resumes_without_the_models(
    acme_shelf: Shelf, store: VectorStore, milvus_relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = interrupt_before_publishing(acme_shelf, milvus_relay, 51, 52)
    before = list_region_ids(acme_shelf)
    rows = ReferenceImage.objects.filter(pk__in=[image.pk for image in images])
    assert list(rows.values_list("state", "attempts", "leased_until")) == [("pending", 0, None)] * 2

    gate = Gate(monkeypatch)
    assert index_pending(Turn(30, 30)) is False

    assert gate.photos == 0
    assert list_states(images) == ["indexed"] * 2
    assert list_region_ids(acme_shelf) == before
    assert_consistent(acme_shelf, store)


def test_lost_file_ends_as_failed_and_says_so(acme_shelf: Shelf, store: VectorStore) -> None:
    lost, kept = add_photos(acme_shelf, 61, 62)
    stored_path(lost).unlink()

    index_pending(Turn(30, 30))

    lost.refresh_from_db()
    assert (lost.state, lost.failure_code) == ("failed", "file_lost")
    assert "Upload the photo again" in lost.failure_message
    assert list_states([kept]) == ["indexed"]
    assert_consistent(acme_shelf, store)


def test_unreadable_file_that_slipped_in_ends_as_failed_with_its_reason(
    acme_shelf: Shelf, store: VectorStore
) -> None:
    broken = add_bytes(acme_shelf, b"\x89PNG\r\n\x1a\n and no picture")
    (kept,) = add_photos(acme_shelf, 63)

    index_pending(Turn(30, 30))

    broken.refresh_from_db()
    assert (broken.state, broken.failure_code) == ("failed", "image_unreadable")
    assert broken.failure_message
    assert list_states([kept]) == ["indexed"]
    assert_consistent(acme_shelf, store)


def test_storage_that_is_away_leaves_photos_pending_and_blameless(acme_shelf: Shelf) -> None:
    (image,) = add_photos(acme_shelf, 64)
    path = stored_path(image)
    data = path.read_bytes()
    path.unlink()
    path.mkdir()  # opening it fails as a broken disk does: an OSError that is not FileNotFoundError

    with pytest.raises(Unavailable) as away:
        index_pending(Turn(30, 30))
    image.refresh_from_db()
    assert (away.value.code, image.state, image.attempts) == ("storage_away", "pending", 0)

    path.rmdir()
    path.write_bytes(data)
    index_pending(Turn(30, 30))
    assert list_states([image]) == ["indexed"]


def test_photo_that_breaks_the_models_does_not_take_others_with_it(
    acme_shelf: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = add_photos(acme_shelf, 71, 72, 73)
    poison = images[1]

    def break_on_poison() -> None:
        held = ReferenceImage.objects.filter(gallery=acme_shelf.gallery, leased_until__isnull=False)
        if held.filter(pk=poison.pk).exists():
            raise MemoryError

    Gate(monkeypatch, break_on_poison)
    crashes = 0
    while leases.list_free().exists():
        try:
            index_pending(Turn(0, 0))
        except MemoryError:
            crashes += 1
    poison.refresh_from_db()

    assert crashes == leases.MAX_ATTEMPTS
    assert (poison.state, poison.failure_code) == ("failed", "gave_up")
    assert list_states(images) == ["indexed", "failed", "indexed"]
    assert_consistent(acme_shelf, store)
